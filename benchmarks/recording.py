"""A proxy in front of a node that records calls, to count them; times are measured without it."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from benchmarks.client import Request

# Headers of a connection, which a proxy must not forward.
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")


class Recorder(ThreadingHTTPServer):
    """Forwards each call to the node, and records it in `calls`."""

    daemon_threads = True

    def __init__(self, node: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.node = urlsplit(node)
        self.calls: list[Request] = []

    @property
    def url(self) -> str:
        """The URL for clients, instead of that of the node."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def recorder(node: str) -> Iterator[Recorder]:
    """Run a proxy until the end of the block."""
    with Recorder(node) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append(Request(self.path, self.command, body))
        status, headers, response = self._forward(body)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(str(self.server.node.hostname), self.server.node.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        try:
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""
