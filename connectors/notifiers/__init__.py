"""Routes to people; the file name is the kind."""
