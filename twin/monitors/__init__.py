"""Monitors: is this signal, or this pair of signals, still to be believed."""
