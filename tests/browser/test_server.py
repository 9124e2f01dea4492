"""The production server: its threads stay with the connections they have answered, and its processes on their processors."""

import http.client
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.browser.conftest import serve, start
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


def test_nobody_waits_for_those_who_never_stop_asking(served: tuple[str, int, object]) -> None:
    host, port, _ = served
    enough = threading.Event()

    def ask_on(connection: http.client.HTTPConnection) -> None:
        while not enough.is_set():
            connection.request("GET", "/livez")
            connection.getresponse().read()

    with ExitStack() as opened:
        threads = [threading.Thread(target=ask_on, args=(connected(opened, host, port),)) for _ in range(2 * THREADS)]
        opened.callback(enough.set)
        for thread in threads:
            thread.start()
            opened.callback(thread.join)
        opened.callback(enough.set)
        for _ in range(10):
            connection = connected(opened, host, port)
            connection.request("GET", "/livez")
            assert connection.getresponse().read() == b"ok"


def test_requests_that_come_in_one_piece_are_all_answered(served: tuple[str, int, object]) -> None:
    host, port, _ = served
    with socket.create_connection((host, port), timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(REQUEST * 3)
        for _ in range(3):
            assert answers.readline().split()[1] == b"200"
            while answers.readline() != b"\r\n":
                pass
            assert answers.read(2) == b"ok"


def test_nobody_says_by_a_header_where_the_product_is(served: tuple[str, int, object]) -> None:
    host, port, _ = served
    with ExitStack() as opened:
        connection = connected(opened, host, port)
        for header in ("SCRIPT_NAME", "Script-Name", "X-Forwarded-Prefix"):
            connection.request("GET", "/login", headers={header: "/elsewhere"})
            answer = connection.getresponse()
            page = answer.read().decode()
            assert answer.status == 200
            assert 'action="/login"' in page
            assert "elsewhere" not in page


def test_a_proxy_in_front_says_that_https_was_asked_for(node: TestNode, tmp_path: Path) -> None:
    url, process = serve(node, tmp_path / "log", BEHIND_PROXY="true", HTTPS="true")
    place = urlsplit(url)
    try:
        with ExitStack() as opened:
            connection = connected(opened, str(place.hostname), int(place.port or 0))
            for scheme, status in (("https", 200), ("http", 301)):
                connection.request("GET", "/login", headers={"X-Forwarded-Proto": scheme})
                answer = connection.getresponse()
                assert (answer.status, bool(answer.read())) == (status, status == 200)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_connection_that_is_kept_does_not_keep_the_server(served: tuple[str, int, "subprocess.Popen[bytes]"]) -> None:
    host, port, process = served
    with ExitStack() as opened:
        connection = connected(opened, host, port)
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def children_of(process: "subprocess.Popen[bytes]") -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def processors(process: "subprocess.Popen[bytes]") -> list[set[int]]:
    """Of each child; one that ends meanwhile is none any more."""
    found = []
    for child in children_of(process):
        with suppress(ProcessLookupError):
            found.append(os.sched_getaffinity(int(child)))
    return found


@pytest.fixture
def two_processes(node: TestNode, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    with ExitStack() as running:

        def start_two(**environment: str) -> "subprocess.Popen[bytes]":
            _, process = serve(node, tmp_path / "log", WEB_WORKERS="2", **environment)
            running.callback(process.wait, timeout=30)
            running.callback(process.terminate)
            assert wait_for(lambda: len(children_of(process)) == 2, 20)
            return process

        yield start_two


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor")
def test_each_process_has_a_processor_of_its_own_and_so_has_its_successor(
    two_processes: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    process = two_processes()
    assert wait_for(lambda: [len(where) for where in processors(process)] == [1, 1], 20)
    (one, other), first = processors(process), children_of(process)[0]
    assert one != other
    os.kill(int(first), signal.SIGKILL)
    assert wait_for(lambda: len(set(children_of(process)) - {first}) == 2, 20)
    assert wait_for(lambda: sorted(map(sorted, processors(process))) == sorted([[*one], [*other]]), 20)


def test_where_processes_run_can_be_left_to_the_system(two_processes: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    assert processors(two_processes(WEB_PINNED="false")) == [os.sched_getaffinity(0)] * 2


def test_the_file_of_the_configuration_says_how_it_is_served_also_what_it_says_later(tmp_path: Path) -> None:
    port, file = free_ports(1)[0], tmp_path / "env"
    written = {
        "SECRET_KEY": "only for tests, and long enough to be taken",
        "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1",
        "PORT": str(port),
        "WEB_WORKERS": "2",
        "WEB_PINNED": "false",
    }
    file.write_text("\n".join(f"{name}={value}" for name, value in written.items()))
    environment = {name: value for name, value in os.environ.items() if name not in written}
    process = start({**environment, "ENV_FILE": str(file)}, tmp_path / "log", f"http://127.0.0.1:{port}")
    try:
        assert wait_for(lambda: processors(process) == [os.sched_getaffinity(0)] * 2, 20)
        file.write_text(file.read_text().replace("WEB_PINNED=false", "WEB_PINNED=true"))
        process.send_signal(signal.SIGHUP)
        assert wait_for(lambda: [len(where) for where in processors(process)] == [1, 1], 20)
    finally:
        process.terminate()
        process.wait(timeout=30)
