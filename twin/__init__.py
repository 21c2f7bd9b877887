"""Bioline Twin: a digital twin and monitoring service for a bioproduction line."""

__version__ = "0.1.0"
