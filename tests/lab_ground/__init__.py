"""Tests of the lab's ground: drivers, S3 servers, data sets, the command."""
