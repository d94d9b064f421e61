"""The MySQL protocol as a StarRocks FE speaks it."""
