"""A proxy in front of a real node, which changes what the node says."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    """The response of the node to this request; a test changes it."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def gateway(node_url: str, change: Callable[[Answer], None]) -> Iterator[str]:
    """Its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            node = http.client.HTTPConnection(urlsplit(node_url).netloc)
            node.request(self.command, self.path, body, dict(self.headers))
            response = node.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(self.command, self.path, response.status, headers, response.read())
            node.close()
            change(answer)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name not in ("content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward

        def log_message(self, *args: object) -> None:
            """Nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
