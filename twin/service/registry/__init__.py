"""Models by name and version: files beside the ledger, decisions in its audit trail."""
