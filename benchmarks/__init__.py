"""Benchmarks: one command each, a table, and last one line `RESULT {json}`."""
