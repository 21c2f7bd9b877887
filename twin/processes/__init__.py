"""Process models of the twin; one file, one model."""
