"""One file a change of the ledger's schema."""
