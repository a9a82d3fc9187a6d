"""SQLite files of the gateway: one writer thread each, migrated before they are opened."""
