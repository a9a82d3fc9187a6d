"""Ports that are told to one process before another listens there."""

import socket


class Port:
    """A port of loopback that nobody else is given until :meth:`close`; whoever is told its number may listen there, and end, and again.

    A socket that is bound and does not listen: the system gives its port to nobody who asks for any, and lets those have it who name it
    with SO_REUSEADDR, as servers do. Connections meanwhile are refused.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Give it back."""
        self._socket.close()
