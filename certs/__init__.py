"""Stands aside: identities, TLS contexts, a certificate authority for labs."""
