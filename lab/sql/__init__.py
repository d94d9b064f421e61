"""StarRocks SQL: words, statements, and the translation of queries to DuckDB."""
