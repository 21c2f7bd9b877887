"""Stores for what needs a transaction; the file name is the kind."""
