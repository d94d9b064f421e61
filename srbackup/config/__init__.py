"""From YAML files to values, or to every problem in them with its file, line and column."""
