"""What is learnt from stored runs: fits that happen once, off line, and never by themselves."""
