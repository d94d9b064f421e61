"""A stand-in StarRocks cluster for the demo and the tests: it knows StarRocks, not srbackup."""
