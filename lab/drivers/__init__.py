"""Where the nodes of a lab live: as plain processes, or in containers."""
