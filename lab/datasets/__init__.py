"""Real data for labs, loaded through the doors that every user of StarRocks has: SQL and Stream Load."""
