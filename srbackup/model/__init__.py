"""Values: frozen, right from birth, and free of everything but the standard library."""
