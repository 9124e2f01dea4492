"""TLS in front of a node, as it is seldom configured."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.certificates import Identity


class _Tunnel(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int], port: int) -> None:
        self.context, self.target = context, target
        self.allow_reuse_address = True
        self.open: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Pipe)


class _Pipe(socketserver.BaseRequestHandler):
    server: _Tunnel

    def handle(self) -> None:
        try:
            outside = self.server.context.wrap_socket(self.request, server_side=True)
        except OSError:  # one side doesn't trust the other
            return
        self.server.open.append(outside)
        with outside, socket.create_connection(self.server.target) as inside:
            threading.Thread(target=_copy, args=(inside, outside), daemon=True).start()
            _copy(outside, inside)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@contextmanager
def tunnel(
    node_url: str,
    folder: Path,
    identity: Identity,
    *others: Identity,
    client_ca: Identity | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    port: int = 0,
) -> Iterator[str]:
    """The URL of a port that sends these certificates, and with `client_ca` requires one of a client."""
    file = folder / f"{identity.certificate.serial_number}.pem"
    file.write_bytes(identity.key_pem + b"".join(each.pem for each in (identity, *others)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(file)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.pem.decode())
    target = urlsplit(node_url)
    with _Tunnel(context, (str(target.hostname), int(target.port or 0)), port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        for connection in server.open:
            with contextlib.suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
