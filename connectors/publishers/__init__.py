"""Where values and beliefs are published for others to read; the file name is the kind."""
