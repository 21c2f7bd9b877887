"""Wires that values arrive on; the file name is the kind."""
