"""Behind nginx, HAProxy, Apache httpd, and Caddy, configured by the lines of docs/proxies.md."""

import base64
import http.client
import os
import re
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.parse import urlencode

import pytest

from benchmarks import loading
from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.proxies import PROXIES, proxy
from tests.support.server import UNVERIFIED, recorded, serve

CLIENT = "127.0.0.2"  # the proxy has another address
VARIANTS = {"": {}, "Under a path": {"BASE_PATH": "/es-users"}, "Unix socket": {}, "Two servers": {}}
# Lines between those of a request, which is answered as if they weren't there, or rejected.
FORGED = (
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-For: 6.6.6.6",
    "X_Forwarded_For: 6.6.6.6",
    "X-Forwarded_For: 6.6.6.6",
    "X-Forwarded-For : 6.6.6.6",
    "X-A: b\r\n X-Forwarded-For: 6.6.6.6",
    "X-A: b\nX-Forwarded-For: 6.6.6.6",
    "X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6;proto=http\r\nX-Forwarded-Host: evil.example.org",
    "X-Forwarded-Proto: http\r\nX_Forwarded_Proto: http",
    "Connection: X-Forwarded-For, X-Forwarded-Proto",
)
MEGABYTES = 3  # of an export
USERS = 20
LARGE = 64  # MB, more than sockets hold


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    content: bytes


@dataclass
class Visitor:
    """Sends requests with HTTPS from CLIENT, each on a connection of its own, with cookies."""

    port: int
    base: str = ""
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def __post_init__(self) -> None:
        self.host = f"127.0.0.1:{self.port}"

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, timeout=60, context=UNVERIFIED, source_address=(CLIENT, 0))

    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        return {"Cookie": cookies, "Origin": f"https://{self.host}"}

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        with closing(self.connection()) as connection:
            connection.request(method, self.base + path, body, {**self.headers(), **headers})
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie", []):
                self.cookies.load(line)
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def token(self, page: str = "/login") -> str:
        found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page).content)
        assert found
        return found[1].decode()

    def post(self, path: str, page: str = "", **fields: str) -> Answer:
        """Send the form of this page, or that at the path itself."""
        body = urlencode({"csrfmiddlewaretoken": self.token(page or path), **fields}).encode()
        return self.request("POST", path, body, **{"Content-Type": "application/x-www-form-urlencoded"})

    def upload(self, path: str, page: str, **files: bytes) -> Answer:
        boundary = uuid.uuid4().hex
        parts = {'name="csrfmiddlewaretoken"': self.token(page).encode()}
        parts |= {f'name="{name}"; filename="{name}"': content for name, content in files.items()}
        head = f"--{boundary}\r\nContent-Disposition: form-data; "
        body = b"".join(f"{head}{name}\r\n\r\n".encode() + content + b"\r\n" for name, content in parts.items())
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.request("POST", path, body + f"--{boundary}--\r\n".encode(), **form)

    def status_of(self, method: str, path: str, lines: str, body: str = "") -> int:
        """Of a request with these lines, which http.client might not send."""
        own = "".join(f"{name}: {value}\r\n" for name, value in self.headers().items())
        head = f"{method} {self.base}{path} HTTP/1.1\r\nHost: {self.host}\r\n{own}{lines}\r\nContent-Length: {len(body)}\r\n"
        with closing(self.connection()) as connection:
            connection.connect()
            connection.sock.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode())
            answer = http.client.HTTPResponse(connection.sock, method=method)
            answer.begin()
            return answer.status


@dataclass
class Site:
    visitor: Visitor
    http_port: int
    servers: "list[subprocess.Popen[bytes]]"


@contextmanager
def site(node: TestNode, folder: Path, name: str, variant: str = "") -> Iterator[Site]:
    """The product behind this proxy."""
    behind = {"HTTPS": "true", "BEHIND_PROXY": "true", **VARIANTS[variant]}
    ports = free_ports(2)
    with TemporaryDirectory() as sockets:  # a shorter path than that of `folder`
        if variant == "Unix socket":
            Path(sockets).chmod(0o755)  # the proxy can be another user
            behind["HOST"] = f"unix:{sockets}/socket"
        numbers = range(2 if variant == "Two servers" else 1)
        servers = [serve(node, folder / f"log{number}", **behind) for number in numbers]
        try:
            with proxy(name, folder, (ports[0], ports[1]), *(url for url, _ in servers), variant=variant):
                yield Site(Visitor(ports[1], behind.get("BASE_PATH", "")), ports[0], [process for _, process in servers])
        finally:
            for _, process in servers:
                process.terminate()
                process.wait(timeout=30)


@pytest.fixture(params=PROXIES)
def name(request: pytest.FixtureRequest) -> str:
    """Of a proxy."""
    return str(request.param)


@pytest.fixture
def large_users(node: TestNode) -> None:
    """Few, because it takes time to create and to delete them. Their export has more than MEGABYTES."""
    chance = Random(1)

    text = [base64.b64encode(chance.randbytes(24_000)).decode() for _ in range(MEGABYTES * 1_000_000 // 24_000)]
    for number in range(USERS):  # a term has up to 32,766 bytes
        metadata = {str(key): part for key, part in enumerate(text[number::USERS])}
        node.elastic.security.put_user(
            username=f"user{number}", password_hash=loading.PASSWORD_HASH, roles=[], metadata=metadata, refresh=number == USERS - 1
        )


def sign_in(visitor: Visitor) -> None:
    assert visitor.post("/login", username="ada", password=PASSWORD).status == 302


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_guide_is_right(node: TestNode, name: str, variant: str, tmp_path: Path) -> None:
    node.put_user("a/b?c%;d", full_name="Slash")
    with site(node, tmp_path, name, variant) as each:
        visitor = each.visitor
        assert visitor.get("/livez").content == b"ok"
        redirects_to_https(each)
        assert visitor.get("/users/").headers["Location"].startswith(f"{visitor.base}/login")
        sign_in(visitor)
        assert b"norah" in visitor.get("/users/").content
        assert all(cookie["secure"] for cookie in visitor.cookies.values())

        created = visitor.post("/users/create", username="jdoe", password="Vq7-another-one", confirm_password="Vq7-another-one")
        assert created.status == 302
        assert node.signs_in("jdoe", "Vq7-another-one")

        basic = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        assert b'"Slash"' in visitor.request("GET", "/_security/user/a%2Fb%3Fc%25%3Bd", Authorization=basic).content
        longest = urlencode({"username": [f"{'%' * 500}{number}" for number in range(100)]}, doseq=True)
        page = visitor.get(f"/users/delete?{longest}")
        assert len(longest) > 150_000
        assert (page.status, b"None of the selected users can be deleted" in page.content) == (200, True)

        export = visitor.post("/users/export", format="ndjson")
        assert export.status == 200
        assert (
            b"No differences" in visitor.upload("/compare/exports", "/compare/", one=export.content, other=export.content).content
        )

        if variant == "Two servers":
            os.killpg(each.servers[0].pid, signal.SIGKILL)
            assert wait_for(lambda: [visitor.get("/users/").status for _ in range(4)] == [200] * 4, 20), "the other one serves all"
    assert {event["source"]["ip"] for event in recorded(node)} == {CLIENT}


def redirects_to_https(each: Site) -> None:
    path = f"{each.visitor.base}/login?next=%2Fusers%2F"
    for forged in ({}, {"X-Forwarded-Proto": "https", "X_Forwarded_Proto": "https", "Forwarded": "proto=https"}):
        with closing(http.client.HTTPConnection(f"127.0.0.1:{each.http_port}", timeout=60)) as connection:
            connection.request("GET", path, headers=forged)
            answer = connection.getresponse()
            assert answer.status in (301, 308)
            assert re.fullmatch(rf"https://127\.0\.0\.1(:\d+)?{re.escape(path)}", answer.headers["Location"])
    assert each.visitor.get("/login?next=%2Fusers%2F").status == 200


def test_no_client_forges_an_address(node: TestNode, name: str, tmp_path: Path) -> None:
    with site(node, tmp_path, name) as each:
        token = each.visitor.token()
        statuses = [
            each.visitor.status_of("POST", "/login", lines, f"csrfmiddlewaretoken={token}&username=nobody{number}&password=wrong")
            for number, lines in enumerate(FORGED)
        ]
    assert set(statuses) <= {200, 400}
    addresses = [event["source"]["ip"] for event in recorded(node) if event["event"]["action"] == "sign-in"]
    assert (set(addresses), len(addresses)) == ({CLIENT}, statuses.count(200))


def test_large_files(node: TestNode, large_users: None, name: str, tmp_path: Path) -> None:
    with site(node, tmp_path, name) as each:
        sign_in(each.visitor)
        export = each.visitor.post("/users/export", format="ndjson").content
        assert len(export) > MEGABYTES * 1_000_000
        assert b"No differences" in each.visitor.upload("/compare/exports", "/compare/", one=export, other=export).content


class Upstream(BaseHTTPRequestHandler):
    """In place of the product: knows what it has received and sent, and breaks connections off."""

    protocol_version = "HTTP/1.1"
    received: ClassVar[list[str]] = []
    sent: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """`/livez` is empty, `/large` too large for sockets, and `/broken` has no end."""
        is_chunked = self.request_version == "HTTP/1.1"
        self.send_response(200)
        self.send_header("Connection", "close")  # like usermgmt
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b"x" * (1 << 20)
        with suppress(OSError):
            for _ in range({"/livez": 0, "/broken": 1}.get(self.path, LARGE)):
                self.wfile.write(b"100000\r\n%s\r\n" % block if is_chunked else block)
            if is_chunked and self.path != "/broken":
                self.wfile.write(b"0\r\n\r\n")
            self.sent.append(self.path)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(self.command)
        self.close_connection = True

    do_PUT = do_DELETE = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    """The URL of an Upstream."""
    Upstream.received.clear()
    Upstream.sent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_downloads_are_passed_on_as_they_come(name: str, upstream: str, tmp_path: Path) -> None:
    ports = free_ports(2)
    with proxy(name, tmp_path, (ports[0], ports[1]), upstream):
        visitor = Visitor(ports[1])
        with closing(visitor.connection()) as connection:
            connection.request("GET", "/large?1")
            assert connection.getresponse().read(1000)
            assert len(visitor.get("/large?2").content) == LARGE << 20
            assert wait_for(lambda: Upstream.sent == ["/large?2"], 20), "the client hasn't read the first"


def test_no_interrupted_download_looks_complete(name: str, upstream: str, tmp_path: Path) -> None:
    ports = free_ports(2)
    errors = http.client.IncompleteRead, OSError
    # Caddy 2.6 calls it complete, see the guide.
    interrupted = suppress(*errors) if name == "caddy" else pytest.raises(errors)
    with proxy(name, tmp_path, (ports[0], ports[1]), upstream), interrupted:
        Visitor(ports[1]).get("/broken")
    assert Upstream.sent == ["/broken"]


def test_no_change_is_repeated(name: str, upstream: str, tmp_path: Path) -> None:
    ports = free_ports(2)
    sent = []
    with proxy(name, tmp_path, (ports[0], ports[1]), upstream, upstream, variant="Two servers"):
        visitor = Visitor(ports[1])
        for method in ("POST", "PUT", "DELETE"):
            assert wait_for(lambda: visitor.get("/livez").status == 200, 20)
            sent.append(method)
            assert visitor.request(method, "/_security/user/jdoe", b"{}").status in (502, 503)
    assert Upstream.received == sent
