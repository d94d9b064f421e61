"""The object store behind one door: base.py says what is asked of it, one module for each kind answers."""
