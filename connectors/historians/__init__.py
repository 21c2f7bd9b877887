"""Stores for time series; the file name is the kind."""
