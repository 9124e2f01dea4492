"""Clients that send and read as slowly as they can, and everybody else, who must not notice."""

import base64
import http.client
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from benchmarks import loading
from benchmarks.client import Client, Request
from local_cluster.node import wait_for
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.server import children_of, recorded, serve

SECONDS = 75
CLIENTS = 60  # of each kind
LONGEST = 1.0  # seconds that anybody else may wait
BUSY = 3  # and so many times as long as at a server without slow clients: other load on the machine delays both
USERS = 1500
METADATA = 2800  # bytes of each, which no format makes smaller: an export is larger than what sockets hold


@pytest.fixture
def many(node: TestNode) -> Iterator[None]:
    """Enough for a long export."""
    chance, security = Random(1), node.elastic.security

    def put(number: int, *, refresh: bool = False) -> None:
        metadata = {"text": base64.b64encode(chance.randbytes(METADATA)).decode()}
        hashed = loading.PASSWORD_HASH
        security.put_user(username=f"user{number}", password_hash=hashed, roles=[], metadata=metadata, refresh=refresh)

    def delete(number: int, *, refresh: bool = False) -> None:
        security.delete_user(username=f"user{number}", refresh=refresh)

    for change in (put, delete):
        with ThreadPoolExecutor(loading.THREADS) as pool:
            list(pool.map(change, range(1, USERS)))
        change(0, refresh=True)
        if change is put:
            yield


class SlowClients:
    """Connections on which `begin` is sent, and then `step` done every second. One that ends is begun again.

    They come one after another: that many exports begun in one instant would be a load, however quickly they are read.
    """

    def __init__(
        self, place: tuple[str, int], begin: bytes, step: Callable[[socket.socket], object], *, a_second: int = 10
    ) -> None:
        self._place = place
        self._begin = begin
        self._step = step
        self._pause = 1 / a_second
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._connections: list[socket.socket] = []
        self.begun = 0

    def __enter__(self) -> "SlowClients":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        for connection in self._connections:
            connection.close()

    def _run(self) -> None:
        while len(self._connections) < CLIENTS and not self._enough.wait(self._pause):
            self._connections.append(self._connected())
        while not self._enough.wait(1):
            for number, connection in enumerate(self._connections):
                try:
                    self._step(connection)
                except BlockingIOError:
                    pass
                except OSError:
                    connection.close()
                    self._connections[number] = self._connected()

    def _connected(self) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(self._place)
        connection.sendall(self._begin)
        connection.setblocking(False)
        self.begun += 1
        return connection


def read_a_byte(connection: socket.socket) -> None:
    """Raises ConnectionError where the server has ended it."""
    if not connection.recv(1):
        raise ConnectionError


def send_a_byte(connection: socket.socket) -> None:
    connection.send(b"a")


class Watch(threading.Thread):
    """Asks for a page again and again, each time with a new connection, until there is enough."""

    def __init__(self, place: tuple[str, int], path: str, headers: dict[str, str]) -> None:
        super().__init__()
        self._place = place
        self._path = path
        self._headers = headers
        self._enough = threading.Event()
        self.seconds: list[float] = []
        self.statuses: set[int] = set()

    @property
    def longest(self) -> float:
        return max(self.seconds)

    def run(self) -> None:
        while not self._enough.wait(0.2):
            start = time.monotonic()
            with closing(http.client.HTTPConnection(*self._place, timeout=60)) as connection:
                connection.request("GET", self._path, headers=self._headers)
                answer = connection.getresponse()
                self.statuses.add(answer.status)
                answer.read()
            self.seconds.append(time.monotonic() - start)

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()


def export_of(client: Client, place: str) -> bytes:
    """The request for a file of all users."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.send(Request("/users/export")).decode())
    assert found
    body = f"csrfmiddlewaretoken={unescape(found[1])}&format=ndjson"
    return (
        f"POST /users/export HTTP/1.1\r\nHost: {place}\r\nCookie: {client.headers['Cookie']}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@contextmanager
def served(node: TestNode, log: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    url, process = serve(node, log)
    try:
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def place_of(url: str) -> tuple[str, int]:
    where = urlsplit(url)
    return str(where.hostname), int(where.port or 0)


@pytest.mark.timeout(400)
def test_slow_clients_delay_nothing(node: TestNode, many: None, tmp_path: Path) -> None:
    with served(node, tmp_path / "log") as (url, process), served(node, tmp_path / "other") as (without_slow_clients, _):
        place, other = place_of(url), place_of(without_slow_clients)
        netloc = urlsplit(url).netloc
        head = f"POST /login HTTP/1.1\r\nHost: {netloc}\r\n"
        body = f"{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na".encode()
        client = Client(url)
        client.sign_in("/login", "otto", PASSWORD)
        export = export_of(client, netloc)
        client.close()
        served_by = children_of(process)
        with (
            Watch(other, "/livez", {}) as usual_health,
            Watch(other, "/users/", client.headers) as usual_page,
            Watch(place, "/livez", {}) as health,
            Watch(place, "/users/", client.headers) as page,
            SlowClients(place, body, read_a_byte),  # waits for an answer, and sends nothing more
            SlowClients(place, body, send_a_byte),
            SlowClients(place, f"{head}X-Slow: a".encode(), send_a_byte),
            SlowClients(place, export, read_a_byte, a_second=2) as exports,
        ):
            time.sleep(SECONDS)
        for watch, usual in ((health, usual_health), (page, usual_page)):
            assert (watch.statuses, usual.statuses) == ({200}, {200})
            assert watch.longest < LONGEST + BUSY * usual.longest
        assert (children_of(process), process.poll()) == (served_by, None)
        # None of the exports went into the sockets whole, and each of them ends with its client.
        assert wait_for(lambda: outcomes(node) == ["failure"] * exports.begun, 30), outcomes(node)


def outcomes(node: TestNode) -> list[str]:
    """How the trail says that the exports ended."""
    events = [document["event"] for document in recorded(node)]
    return [event["outcome"] for event in events if event["action"] == "export" and "outcome" in event]
