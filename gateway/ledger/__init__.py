"""The ledger: what must survive, in SQLite, through one writer thread with group commit."""
