"""Use cases, one file each: they know neither click nor words on a screen."""
