"""Stored runs in the same pages as live: recorded once, then looked at from any moment."""
