"""What a line is started from: lines, tags, parameters, scenarios."""
