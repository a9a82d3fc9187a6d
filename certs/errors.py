"""What this room refuses. Whoever chose the files (the operator) must act."""


class CertificateError(Exception):
    """A certificate, key or cipher setting cannot be used; the text says which file and what to do."""
