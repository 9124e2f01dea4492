"""A node that fails on request: everything else is passed on to the real one."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from tests.support.nodes import TestNode

LOST: Final = 0  # the node does what is asked, and its answer doesn't come back

OF_ONE_CONNECTION: Final = ("content-length", "transfer-encoding", "connection")


class FaultyNode(ThreadingHTTPServer):
    """`answers`: the status for a request, by `METHOD /path`, in place of the node's own.

    `passes`: how many of those requests the real node answers first. `last_request`: after it, no connection is accepted.
    """

    daemon_threads = True

    def __init__(self, node: TestNode) -> None:
        self.node = urlsplit(node.url).netloc
        self.answers: dict[str, int] = {}
        self.passes: dict[str, int] = {}
        self.last_request = ""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FaultyNode
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = f"{self.command} {self.path}"
        status = self.server.answers.get(request)
        if self.server.passes.get(request):
            self.server.passes[request] -= 1
            status = None
        if status:
            answer = json.dumps({"error": {"type": "some_exception", "reason": "the reason"}, "status": status}).encode()
            return self._send(status, {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}, answer)
        upstream = http.client.HTTPConnection(self.server.node)
        upstream.request(self.command, self.path, body, dict(self.headers))
        with upstream.getresponse() as response:
            passed = {name: value for name, value in response.getheaders() if name.lower() not in OF_ONE_CONNECTION}
            answer = response.read()
        upstream.close()
        if self.server.last_request == request:
            self.server.shutdown()
            self.server.socket.close()
            passed["Connection"] = "close"
        if status == LOST:
            self.close_connection = True
            return None
        return self._send(response.status, passed, answer)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def faulty(node: TestNode) -> Iterator[FaultyNode]:
    with FaultyNode(node) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
