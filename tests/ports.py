"""Ports for what a test begins later, or never: no other process is given them while the tests run."""

from gateway.demo.port import Port

_KEPT: list[Port] = []


def kept_port() -> int:
    """One that nobody listens on now, and where only those will who are told of it."""
    _KEPT.append(Port())
    return _KEPT[-1].number
