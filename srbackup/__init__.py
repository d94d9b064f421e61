"""Backup and disaster recovery for StarRocks."""
