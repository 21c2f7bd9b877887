"""Everything outside; one file, one kind."""
