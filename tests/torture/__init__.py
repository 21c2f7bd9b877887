"""The loss harness: real servers are killed (-9) while values flow, then every value is counted."""
