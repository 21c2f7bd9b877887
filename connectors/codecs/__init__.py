"""Wire formats: bytes to records and back, no IO."""
