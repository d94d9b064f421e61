"""The command line: one file for each command, one place for errors, one for progress."""
