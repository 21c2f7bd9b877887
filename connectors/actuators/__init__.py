"""Ways a set point goes back to the plant; the file name is the kind."""
