"""A believable plant: vessels, probes, faults, and the wires they speak."""
