"""A proxy in front of a node that writes down each call, for counting; nothing is timed through it."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from benchmarks.client import Request

# Those that belong to one connection, not to the message.
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")


class Recorder(ThreadingHTTPServer):
    """Sends every call on to the node, and keeps it in `calls`."""

    daemon_threads = True

    def __init__(self, node: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.node = urlsplit(node)
        self.calls: list[Request] = []

    @property
    def url(self) -> str:
        """Where a client connects instead of to the node."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def recorder(node: str) -> Iterator[Recorder]:
    """A proxy that works until the end of the block."""
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
        status, headers, answer = self._ask_node(body)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _ask_node(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(str(self.server.node.hostname), self.server.node.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        try:
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
