"""What one 2030.5 client shows to its server, over a context that it shares with all who trust the same roots.

A context of OpenSSL takes 35 KiB, half of it for a certificate and its key, the other half alike for everybody. A connection takes both
over when it is begun and looks at its context's certificate no more (SSL_new, openssl.org), so a fleet needs one context and each client
its files.
"""

import os
import ssl
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socket import socket
from typing import Final
from weakref import WeakValueDictionary

from certs.tls import DEFAULT_CIPHERS, TlsFiles, client_context


class Credential:
    """``own``: chain and key in PEM, as they were when it was made: what becomes of the files does not matter."""

    __slots__ = ("_own", "_shared")

    def __init__(self, shared: "_Shared", own: bytes) -> None:
        self._shared, self._own = shared, own

    def wrap_socket(
        self, sock: socket, *, do_handshake_on_connect: bool = True, server_hostname: str | None = None
    ) -> ssl.SSLSocket:
        """A connection that shows this certificate, and no other."""
        context = self._shared.context
        with self._shared.lock, _as_file(self._own) as path:
            context.load_cert_chain(path, password="")
            return context.wrap_socket(
                sock, do_handshake_on_connect=do_handshake_on_connect, server_hostname=server_hostname
            )


def client_credential(files: TlsFiles, ciphers: Sequence[str] = DEFAULT_CIPHERS) -> Credential | ssl.SSLContext:
    """For a 2030.5 client, as :func:`client_context`; CertificateError says what is wrong.

    OpenSSL takes certificates from files only: where there are none in memory, the client has a context of its own.
    """
    context = client_context(files, ciphers)
    if sys.platform != "linux":
        return context
    trust = files.ca.read_bytes(), tuple(ciphers)
    shared = _SHARED.get(trust)
    if shared is None:
        shared = _SHARED[trust] = _Shared(context)
    return Credential(shared, b"\n".join((files.certificate.read_bytes(), files.key.read_bytes())))


class _Shared:
    """A context, and whose turn it is with it: between loading a certificate and beginning a connection nobody else may load theirs."""

    __slots__ = ("__weakref__", "context", "lock")

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.lock = threading.Lock()


_SHARED: Final[WeakValueDictionary[tuple[bytes, tuple[str, ...]], _Shared]] = WeakValueDictionary()
"""By roots and ciphers, for as long as anybody has need of it."""


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A file of this process' memory alone."""
    assert sys.platform == "linux"
    number = os.memfd_create("credential")
    try:
        os.write(number, content)
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)
