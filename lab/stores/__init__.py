"""S3 servers that a lab backs up to: each a real one, started here, ended here."""
