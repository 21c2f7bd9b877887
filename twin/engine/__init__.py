"""The engine: everything that decides, stepped by measurements and the clock."""
