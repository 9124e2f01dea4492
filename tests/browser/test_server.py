"""The production server: who is answered, what it believes, and how it ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.gateway import Answer, gateway
from tests.support.nodes import TestNode
from tests.support.server import answers, children_of, recorded, serve, start

THREADS = 2
Place = tuple[str, int]
REQUEST = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def served(node: TestNode, tmp_path: Path) -> Iterator[tuple[str, int, "subprocess.Popen[bytes]"]]:
    url, process = serve(node, tmp_path / "log", WEB_THREADS=str(THREADS))
    place = urlsplit(url)
    yield str(place.hostname), int(place.port or 0), process
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def place(site: str) -> Place:
    """Where the server is that other tests use, too."""
    where = urlsplit(site)
    return str(where.hostname), int(where.port or 0)


def connected(opened: ExitStack, host: str, port: int) -> http.client.HTTPConnection:
    connection = opened.enter_context(closing(http.client.HTTPConnection(host, port, timeout=20)))
    connection.connect()
    return connection


def test_more_connections_than_threads_are_served(served: tuple[str, int, object]) -> None:
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


def test_retries_end(served: tuple[str, int, object]) -> None:
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


def test_pipelined_requests_are_answered(place: Place) -> None:
    with socket.create_connection(place, timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(REQUEST * 3)
        for _ in range(3):
            assert answers.readline().split()[1] == b"200"
            while answers.readline() != b"\r\n":
                pass
            assert answers.read(2) == b"ok"


def test_headers_cant_move_the_product(place: Place) -> None:
    with ExitStack() as opened:
        connection = connected(opened, *place)
        for header in ("SCRIPT_NAME", "Script-Name", "X-Forwarded-Prefix"):
            connection.request("GET", "/login", headers={header: "/elsewhere"})
            answer = connection.getresponse()
            page = answer.read().decode()
            assert answer.status == 200
            assert 'action="/login"' in page
            assert "elsewhere" not in page


def test_behind_a_proxy(node: TestNode, tmp_path: Path) -> None:
    url, process = serve(node, tmp_path / "log", BEHIND_PROXY="true", HTTPS="true")
    place = urlsplit(url)
    try:
        with ExitStack() as opened:
            connection = connected(opened, str(place.hostname), int(place.port or 0))
            for scheme, status in (("https", 200), ("http", 301)):
                connection.request("GET", "/login", headers={"X-Forwarded-Proto": scheme})
                answer = connection.getresponse()
                assert (answer.status, bool(answer.read())) == (status, status == 200)
                assert answer.headers["Connection"] == "close", "no change is sent on a connection that is just being closed"
    finally:
        process.terminate()
        process.wait(timeout=30)


FORGED = (
    "X_Forwarded_{}: {}",
    "X-Forwarded_{}: {}",
    "X_Forwarded-{}: {}",
    "x_forwarded_{}: {}",
    "X-Forwarded-{} : {}",
    "X-Forwarded-{}\t: {}",
    " X-Forwarded-{}: {}",
    "X-A: b\r\n X-Forwarded-{}: {}",
    "X-A: b\nX-Forwarded-{}: {}",
    "X-A: b\rX-Forwarded-{}: {}",
    "HTTP_X_FORWARDED_{}: {}",
    "HTTP-X-Forwarded-{}: {}",
    "X-Forwarded-{}\0: {}",
    "X\u2010Forwarded\u2010{}: {}",
)


Serving = Callable[..., tuple[Place, "subprocess.Popen[bytes]"]]


@pytest.fixture
def serving(node: TestNode, tmp_path: Path) -> Iterator[Serving]:
    """Starts a server in that environment, which ends with the test; where it is."""
    with ExitStack() as running:

        def start_one(**environment: str) -> tuple[Place, "subprocess.Popen[bytes]"]:
            url, process = serve(node, tmp_path / "log", **environment)
            running.callback(process.wait, timeout=30)
            running.callback(process.terminate)
            where = urlsplit(url)
            return (str(where.hostname), int(where.port or 0)), process

        yield start_one


def host(place: Place) -> str:
    return f"Host: {place[0]}:{place[1]}\r\n"


def post(place: Place, body: str, headers: str) -> str:
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST /login HTTP/1.1\r\n{host(place)}{kind}{headers}\r\n{body}"


def form(place: Place) -> tuple[str, str]:
    """The cookie, as a header, and the token of the form for signing in."""
    page = answer_to(place, f"GET /login HTTP/1.1\r\n{host(place)}Connection: close\r\n\r\n")
    cookie, token = re.search(r"usermgmt_csrf=\w+", page), re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert cookie
    assert token
    return f"Cookie: {cookie[0]}\r\n", token[1]


def status(answer: str) -> int:
    return int(answer.split()[1])


def answer_to(place: Place, request: str) -> str:
    """What comes back on a connection of its own, to its end."""
    with socket.create_connection(place, timeout=20) as connection, connection.makefile("rb") as answer:
        connection.sendall(request.encode())
        return answer.read().decode()


def test_no_spelling_of_a_header_passes_for_https(serving: Serving) -> None:
    place, _ = serving(BEHIND_PROXY="true", HTTPS="true")
    for spelling in FORGED:
        for proxys in ("", "X-Forwarded-Proto: http\r\n"):
            head = f"{host(place)}{spelling.format('Proto', 'https')}\r\n{proxys}Connection: close\r\n"
            assert status(answer_to(place, f"GET /login HTTP/1.1\r\n{head}\r\n")) in (301, 400), head


@pytest.mark.parametrize(("behind_proxy", "address"), [("true", "10.0.0.1"), ("false", "127.0.0.1")])
def test_no_spelling_of_a_header_passes_for_an_address(node: TestNode, serving: Serving, behind_proxy: str, address: str) -> None:
    place, _ = serving(BEHIND_PROXY=behind_proxy)
    cookie, token = form(place)
    answers = []
    for number, spelling in enumerate(FORGED):
        forged = f"{spelling.format('For', '6.6.6.6')}\r\n"
        body = f"csrfmiddlewaretoken={token}&username=nobody{number}&password=wrong"
        for proxys in (f"X-Forwarded-For: 10.0.0.1\r\n{forged}", f"{forged}X-Forwarded-For: 10.0.0.1\r\n"):
            answers.append(status(answer_to(place, post(place, body, f"{cookie}{proxys}Connection: close\r\n"))))
    assert set(answers) <= {200, 400}
    sources = [event["source"]["ip"] for event in recorded(node) if event["event"]["action"] == "sign-in"]
    assert (set(sources), len(sources)) == ({address}, answers.count(200))


def test_a_request_has_an_id_of_our_own(place: Place) -> None:
    for name in ("X-Request-ID", "X_Request_ID"):
        answer = answer_to(place, f"GET /livez HTTP/1.1\r\n{host(place)}{name}: forged\r\nConnection: close\r\n\r\n")
        assert re.search("X-Request-ID: [0-9a-f]{32}\r", answer)


def test_addresses_may_be_long(place: Place) -> None:
    names = "&".join(f"user={'%C3%BC' * 507}" for _ in range(100))
    answer = answer_to(place, f"GET /login?{names} HTTP/1.1\r\n{host(place)}Connection: close\r\n\r\n")
    assert (status(answer), len(names) > 200_000) == (200, True)


def test_too_large_request_is_rejected_early(place: Place) -> None:
    head = f"POST /login HTTP/1.1\r\n{host(place)}Connection: close\r\nContent-Length: {(101 << 20) + 1}\r\n\r\n"
    assert status(answer_to(place, head)) == 413


SMUGGLED = (
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "Content-Length: 0, 0\r\n\r\n",
    "Content-Length: +0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\nab\r\n0\r\n\r\n",
    "X-A: b\r\n Content-Length: 5\r\n\r\n",
)


def test_where_a_request_ends_is_never_a_guess(place: Place) -> None:
    another = f"GET /livez HTTP/1.1\r\n{host(place)}Connection: close\r\n\r\n"
    for end in SMUGGLED:
        answer = answer_to(place, f"POST /livez HTTP/1.1\r\n{host(place)}{end}{another}")
        assert (status(answer) in (400, 501), answer.count("HTTP/1.1 ")) == (True, 1), end


def test_a_stop_lets_a_request_end(node: TestNode, serving: Serving) -> None:
    has_come, may_end = threading.Event(), threading.Event()

    def hold(answer: Answer) -> None:
        if answer.path == "/_security/_authenticate":
            has_come.set()
            may_end.wait(60)

    with gateway(node.url, hold) as url:
        place, process = serving(ELASTICSEARCH_HOSTS=url, ELASTICSEARCH_REQUEST_TIMEOUT="60")
        cookie, token = form(place)
        body = f"csrfmiddlewaretoken={token}&username=nobody&password=wrong"
        with socket.create_connection(place, timeout=60) as connection, connection.makefile("rb") as answer:
            connection.sendall(post(place, body, cookie).encode())
            assert has_come.wait(60)
            process.send_signal(signal.SIGTERM)
            assert wait_for(lambda: not answers(f"http://{place[0]}:{place[1]}"), 60), "it is stopping"
            may_end.set()
            assert (status(answer.read().decode()), process.wait(timeout=20)) == (200, 0)


def test_open_connection_does_not_block_the_stop(served: tuple[str, int, "subprocess.Popen[bytes]"]) -> None:
    host, port, process = served
    with ExitStack() as opened:
        connection = connected(opened, host, port)
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.fixture
def two_processes(node: TestNode, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    with ExitStack() as running:

        def start_two(**environment: str) -> "subprocess.Popen[bytes]":
            _, process = serve(node, tmp_path / "log", WEB_WORKERS="2", **environment)
            running.callback(process.wait, timeout=30)
            running.callback(process.terminate)
            assert wait_for(lambda: len(children_of(process)) == 2, 60)
            return process

        yield start_two


def test_a_process_that_ends_gets_a_successor(two_processes: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    process = two_processes()
    first, second = children_of(process)
    os.kill(int(first), signal.SIGKILL)
    assert wait_for(lambda: len(set(children_of(process)) - {first}) == 2, 60)
    assert second in children_of(process)


def test_processes_end_when_their_parent_is_killed(two_processes: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    process = two_processes()
    children = children_of(process)
    process.kill()
    assert wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 20)


@dataclass(frozen=True)
class Configured:
    """A server with two processes and its settings in a file."""

    url: str
    file: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    def reload(self, old: str, new: str) -> None:
        self.file.write_text(self.file.read_text().replace(old, new))
        self.process.send_signal(signal.SIGHUP)

    @property
    def children(self) -> set[str]:
        return set(children_of(self.process))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, in which each line is a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Configured]:
    with running(tmp_path, "usermgmt.asgi") as server:
        yield server


@contextmanager
def running(tmp_path: Path, application: str) -> Iterator[Configured]:
    (port,), file, log = free_ports(1), tmp_path / "env", tmp_path / "log"
    written = {
        "SECRET_KEY": "only for tests, and long enough to be taken",
        "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1",
        "HTTPS": "false",
        "PORT": str(port),
        "WEB_WORKERS": "2",
    }
    file.write_text("\n".join(f"{name}={value}" for name, value in written.items()))
    environment = {name: value for name, value in os.environ.items() if name not in written}
    url = f"http://127.0.0.1:{port}"
    process = start({**environment, "ENV_FILE": str(file)}, log, url, application)
    try:
        assert wait_for(lambda: len(children_of(process)) == 2, 60)
        yield Configured(url, file, log, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_server_reads_the_env_file_again(configured: Configured) -> None:
    before = configured.children
    configured.reload("WEB_WORKERS=2", "WEB_WORKERS=3\nBASE_PATH=/es-users")
    assert wait_for(lambda: len(configured.children - before) == 3 == len(configured.children), 60)
    with urllib.request.urlopen(f"{configured.url}/login") as page:  # noqa: S310
        assert b'action="/es-users/login"' in page.read()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("WEB_WORKERS=2", "WEB_WORKERS=two", "Configuration: WEB_WORKERS must be a whole number"),
        ("WEB_WORKERS=2", "WEB_WORKERS = 2", "Configuration: {file}, line 5 must be NAME=value"),
        ("PORT=", "HOST=127.0.0.2\nPORT=", "HOST and PORT can't be changed without a restart"),
        ("PORT=", "HOST=0.0.0.0\nPORT=", "Configuration: HTTPS=false is only possible at an address of this machine"),
    ],
)
def test_server_continues_with_its_settings_if_new_ones_are_wrong(configured: Configured, old: str, new: str, reason: str) -> None:
    before, expected = configured.children, reason.format(file=configured.file)
    configured.reload(old, new)
    assert wait_for(lambda: "continues with the previous settings" in configured.log.read_text(), 60), configured.log.read_text()
    assert [expected in line["message"] for line in configured.lines if "previous settings" in line["message"]] == [True]
    assert (configured.process.poll(), configured.children) == (None, before)

    # A process that replaces another has the previous settings, too.
    killed = min(before)
    os.kill(int(killed), signal.SIGKILL)
    assert wait_for(lambda: len(configured.children - {killed}) == 2 and answers(configured.url), 60)
    (survivor,) = configured.children & before
    os.kill(int(survivor), signal.SIGKILL)
    assert wait_for(lambda: not configured.children & before and answers(configured.url), 60), configured.log.read_text()

    new_ones = configured.children
    configured.reload(new, old)
    assert wait_for(lambda: len(configured.children - new_ones) == 2 == len(configured.children), 60)


def test_lines_of_the_server_are_json(configured: Configured) -> None:
    before = configured.children
    os.kill(int(min(before)), signal.SIGKILL)
    assert wait_for(lambda: len(configured.children - {min(before)}) == 2, 60)
    configured.process.terminate()
    configured.process.wait(timeout=30)
    found = {(line["log.level"], line["message"].partition(" ")[0]) for line in configured.lines}
    assert {("info", "Listening"), ("info", "Booting"), ("error", "Worker"), ("info", "Shutting")} <= found


def test_lines_of_the_server_obey_the_log_level(configured: Configured) -> None:
    before = configured.children
    configured.reload("WEB_WORKERS=2", "WEB_WORKERS=2\nLOG_LEVEL=WARNING")
    assert wait_for(lambda: len(configured.children - before) == 2 == len(configured.children), 60)
    assert sum(line["message"].startswith("Booting") for line in configured.lines) == 2


def test_every_status_has_its_reason_and_no_access_log(tmp_path: Path) -> None:
    with running(tmp_path, "tests.support.statuses:application") as server, ExitStack() as opened:
        connection = connected(opened, "127.0.0.1", int(urlsplit(server.url).port or 0))
        reasons = {}
        for status in (each for each in HTTPStatus if each >= HTTPStatus.OK):
            connection.request("GET", f"/{status.value}")
            with connection.getresponse() as answer:
                reasons[status] = answer.reason
                lines = answer.headers["access-lines"]
    assert "Unknown" not in reasons.values()
    assert (reasons[HTTPStatus.PRECONDITION_FAILED], reasons[HTTPStatus.INSUFFICIENT_STORAGE]) == (
        "Precondition Failed",
        "Insufficient Storage",
    )
    assert lines == "0", "they would take a fifth of the CPU time of a short response, for nobody"


PROBES = (
    "GET {path} HTTP/1.0\r\n\r\n",
    "GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD {path} HTTP/1.0\r\n\r\n",
    "OPTIONS {path} HTTP/1.0\r\n\r\n",
    "OPTIONS {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET {path}?probe=1 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET http://{host}{path} HTTP/1.0\r\n\r\n",
    "GET HTTP://users.example.org{path}?probe=1 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: kube-probe/1.30\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHOST:{host}\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost:\r\n\r\n",
    *(
        f"GET {{path}} HTTP/1.1\r\nHost: {odd}\r\n\r\n"
        for odd in (
            "USERS.example.org",
            "10.42.0.7:8000",
            "[2001:db8::7]:8000",
            "[fe80::1%25eth0]",
            "_",
            "-",
            "a b",
            "*",
            "x" * 300,
        )
    ),
    "GET {path} HTTP/1.1\r\nHost: users.example.org.\r\nX-Forwarded-Host: \r\nX-Forwarded-Proto: tcp\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Type: \r\nCookie: =\r\n\r\n",
)


def test_probes_as_load_balancers_send_them(serving: Serving) -> None:
    place, _ = serving(HTTPS="true", BEHIND_PROXY="true", ALLOWED_HOSTS="users.example.org", BASE_PATH="/es-users")
    failed = []
    for probe in PROBES:
        for path in ("/livez", "/readyz", "/es-users/livez", "/es-users/readyz"):
            request = probe.format(path=path, host=f"{place[0]}:{place[1]}")
            answer = answer_to(place, request.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n"))
            body = "" if probe.startswith("HEAD") else "ok"
            if answer.split(" ", 2)[1:2] != ["200"] or answer.partition("\r\n\r\n")[2] != body:
                failed.append((request, answer))
    assert failed == []


@pytest.mark.parametrize("version", ["HTTP/1.0\r\n", "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"])
def test_ping_of_the_server(serving: Serving, version: str) -> None:
    place, _ = serving(HTTPS="true", ALLOWED_HOSTS="users.example.org")
    assert status(answer_to(place, f"OPTIONS * {version}\r\n")) == 200
