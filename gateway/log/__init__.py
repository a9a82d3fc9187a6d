"""The log: what was read, decided and written, in a ring with retention."""
