"""Backup and disaster recovery for StarRocks."""

__version__ = "0.1.0"
