"""The production server: its threads stay with the connections they have answered, and nobody waits for that."""

import http.client
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import serve
from tests.conftest import TestNode

THREADS = 2
REQUEST = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def served(node: TestNode, tmp_path: Path) -> Iterator[tuple[str, int, "subprocess.Popen[bytes]"]]:
    url, process = serve(node, tmp_path / "log", WEB_THREADS=str(THREADS))
    place = urlsplit(url)
    yield str(place.hostname), int(place.port or 0), process
    process.terminate()
    process.wait(timeout=30)


def connected(opened: ExitStack, host: str, port: int) -> http.client.HTTPConnection:
    connection = opened.enter_context(closing(http.client.HTTPConnection(host, port, timeout=20)))
    connection.connect()
    return connection


def test_more_connections_than_threads_are_answered_in_turn(served: tuple[str, int, object]) -> None:
    host, port, _ = served
    with ExitStack() as opened:
        connections = [connected(opened, host, port) for _ in range(4 * THREADS)]
        sockets = [connection.sock for connection in connections]
        for _ in range(3):
            for connection in connections:
                connection.request("GET", "/livez")
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b"ok")
        assert [connection.sock for connection in connections] == sockets, "they were kept"


def test_requests_that_come_in_one_piece_are_all_answered(served: tuple[str, int, object]) -> None:
    host, port, _ = served
    with socket.create_connection((host, port), timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(REQUEST * 3)
        for _ in range(3):
            assert answers.readline().split()[1] == b"200"
            while answers.readline() != b"\r\n":
                pass
            assert answers.read(2) == b"ok"


def test_a_connection_that_is_kept_does_not_keep_the_server(served: tuple[str, int, "subprocess.Popen[bytes]"]) -> None:
    host, port, process = served
    with ExitStack() as opened:
        connection = connected(opened, host, port)
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
