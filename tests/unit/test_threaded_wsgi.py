"""A WSGI application in threads: what it is asked, what becomes of its answer, and that no thread waits for a client."""

import asyncio
import resource
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from usermgmt import threaded_wsgi
from usermgmt.threaded_wsgi import Environ, Message, ThreadedApplication, WSGIApplication

LARGEST = 8 << 20


def scope(**more: Any) -> Message:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.2", 50000),
        **more,
    }


class Client:
    """The other end: sends a body in parts, then nothing until it goes; takes what is sent while it may."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> Message:
        if self.parts:
            return {"type": "http.request", "body": self.parts.pop(0), "more_body": bool(self.parts)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        await self.takes.wait()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        return not self.sent[-1].get("more_body", False)


class Answer:
    """An answer that knows whether it was closed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = iter(pieces)
        self.taken = 0
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self.pieces)
        self.taken += 1
        return piece

    def close(self) -> None:
        self.closed.set()


def answering(answer: Iterable[bytes], *headers: tuple[str, str], status: str = "200 OK") -> WSGIApplication:
    def application(environ: Environ, start_response: Callable[..., None]) -> Iterable[bytes]:
        start_response(status, list(headers))
        return answer

    return application


def threaded(application: WSGIApplication, threads: int = 4) -> ThreadedApplication:
    return ThreadedApplication(application, threads=threads, largest_body=LARGEST)


def run(test: Coroutine[Any, Any, None]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(test, 20)

    # In another thread: in this one, the browser of other tests may have a running event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, in_time()).result()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def asked(client: Client, **request: Any) -> Environ:
    """What the application is told."""
    told: Environ = {}

    def application(environ: Environ, start_response: Callable[..., None]) -> Iterable[bytes]:
        told.update(environ, body=environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    async def ask() -> None:
        await threaded(application)(scope(**request), client.receive, client.send)

    run(ask())
    return told


def test_a_request() -> None:
    headers = [(b"host", b"users.example.org"), (b"content-type", b"text/plain"), (b"content-length", b"4")]
    headers += [(b"x-a", b"1"), (b"x-a", b"2")]
    environ = asked(Client(b"bo", b"dy"), method="POST", raw_path=b"/a%2Fb%C3%A9", query_string=b"q=%20", headers=headers)
    assert (environ["REQUEST_METHOD"], environ["QUERY_STRING"]) == ("POST", "q=%20")
    assert environ["PATH_INFO"] == "/a/bé".encode().decode("latin-1")
    assert (environ["HTTP_HOST"], environ["CONTENT_TYPE"], environ["HTTP_X_A"]) == ("users.example.org", "text/plain", "1,2")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["SCRIPT_NAME"]) == ("127.0.0.2", "http", "")
    assert environ["body"] == b"body"


def test_header_with_underscore_is_dropped() -> None:
    headers = [(b"x_forwarded_for", b"6.6.6.6"), (b"x-forwarded_proto", b"https"), (b"x-forwarded-for", b"10.0.0.1")]
    environ = asked(Client(), headers=headers)
    assert environ["HTTP_X_FORWARDED_FOR"] == "10.0.0.1"
    assert "HTTP_X_FORWARDED_PROTO" not in environ


def test_process_environment_is_not_in_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")
    monkeypatch.setenv("HTTP_X_FORWARDED_FOR", "6.6.6.6")
    assert not {"SECRET_KEY", "HTTP_X_FORWARDED_FOR"} & set(asked(Client()))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/users/", "/users/"),
        (b"http://127.0.0.1/users/", "/users/"),
        (b"http://127.0.0.1", "/"),
        (b"//evil.example/users/", "//evil.example/users/"),
        (b"/a://b", "/a://b"),
        (b"*", "*"),
    ],
)
def test_long_request_lines(target: bytes, path: str) -> None:
    assert asked(Client(), raw_path=target)["PATH_INFO"] == path


def test_no_thread_sees_a_request_before_it_is_there() -> None:
    async def test() -> None:
        answer = Answer([b"answer"])
        application = threaded(answering(answer, ("Content-Length", "6")), threads=1)
        head = {"method": "POST", "headers": [(b"content-length", b"2")]}
        slow, quick = [Client(b"a") for _ in range(60)], Client(b"ab")
        waiting = [asyncio.create_task(application(scope(**head), client.receive, client.send)) for client in slow]
        await application(scope(**head), quick.receive, quick.send)
        assert (quick.status, quick.body, answer.closed.is_set()) == (200, b"answer", True)
        for client in slow:
            client.gone.set()
        await asyncio.gather(*waiting)
        assert not any(client.sent for client in slow)

    run(test())


def test_a_body_that_is_too_large_is_not_read() -> None:
    async def test() -> None:
        client = Client(b"a" * 100)
        application = threaded(answering([b"too large"], ("Content-Length", "9"), status="413 Too Large"))
        await application(
            scope(method="POST", headers=[(b"content-length", str(LARGEST + 1).encode())]), client.receive, client.send
        )
        assert (client.status, client.body, len(client.parts)) == (413, b"too large", 1)

    run(test())


UPLOAD: Final = {"method": "POST", "headers": [(b"content-length", str(LARGEST).encode())]}


def test_uploads_share_the_space_on_disk() -> None:
    async def test() -> None:
        application = threaded(answering([b""], ("Content-Length", "0")), threads=2)
        uploads = [Client(b"a" * (LARGEST - 1)) for _ in range(2)]
        waiting = [asyncio.create_task(application(scope(**UPLOAD), client.receive, client.send)) for client in uploads]
        await until(lambda: not any(client.parts for client in uploads))
        late = Client(b"a", b"aaa", b"a")
        await application(scope(**UPLOAD), late.receive, late.send)
        assert (late.status, late.parts) == (503, [b"a"])

        uploads[0].gone.set()
        await waiting[0]
        again = Client(b"a" * LARGEST)
        await application(scope(**UPLOAD), again.receive, again.send)
        assert again.status == 200
        for client in uploads:
            client.gone.set()
        await asyncio.gather(*waiting)

    run(test())


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """As if less than a body fitted on it, until it is called."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST // 2, before[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_rejects_only_uploads_that_need_it(full_disk: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        application = threaded(answering([b""], ("Content-Length", "0")), threads=1)

        async def upload() -> Client:
            client = Client(*[b"a" * (LARGEST // 64 + 1)] * 63, b"a" * (LARGEST // 64 - 63))
            await application(scope(**UPLOAD), client.receive, client.send)
            return client

        for client in [await upload() for _ in range(3)]:
            assert (client.status, client.body) == (507, b"The temporary folder of the server is full.")
        full_disk()
        assert (await upload()).status == 200, "their space is free again"

    run(test())
    assert "couldn't be stored in the temporary folder" in caplog.text


def test_slow_uploads_do_not_block_others() -> None:
    async def test() -> None:
        application = threaded(answering([b"answer"], ("Content-Length", "6")), threads=1)
        slow, quick = [Client(b"a") for _ in range(60)], Client(b"a" * (LARGEST - 60))
        waiting = [asyncio.create_task(application(scope(**UPLOAD), client.receive, client.send)) for client in slow]
        await until(lambda: not any(client.parts for client in slow))
        head = {**UPLOAD, "headers": [(b"content-length", str(LARGEST - 60).encode())]}
        await application(scope(**head), quick.receive, quick.send)
        assert quick.status == 200
        for client in slow:
            client.gone.set()
        await asyncio.gather(*waiting)

    run(test())


def test_body_that_arrives_too_slowly_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded_wsgi, "READ_TIMEOUT", 0)
    monkeypatch.setattr(threaded_wsgi, "SLOWEST_RATE", LARGEST << 10)

    async def test() -> None:
        client = Client(b"a")
        await threaded(answering([b"answer"]))(scope(**UPLOAD), client.receive, client.send)
        assert (client.status, client.body, client.is_complete) == (408, b"The request arrived too slowly.", True)

    run(test())


def test_pieces_are_made_as_the_client_takes_them() -> None:
    async def test() -> None:
        answer, client = Answer([b"a", b"b", b"c"]), Client()
        client.takes.clear()
        serving = asyncio.create_task(threaded(answering(answer))(scope(), client.receive, client.send))
        await until(lambda: len(client.sent) == 1)  # the head
        assert answer.taken == 1
        client.takes.set()
        await serving
        assert (client.body, client.is_complete, answer.closed.is_set()) == (b"abc", True, True)

    run(test())


def test_clients_that_do_not_read_hold_no_thread() -> None:
    async def test() -> None:
        answers = [Answer(iter([b"a", b"b", b"c"])) for _ in range(60)]
        waiting = list(answers)

        def application(environ: Environ, start_response: Callable[..., None]) -> Iterable[bytes]:
            start_response("200 OK", [])
            return waiting.pop() if environ["PATH_INFO"] == "/export" else [b"page"]

        served = threaded(application, threads=1)
        clients, another = [Client() for _ in answers], Client()
        for client in clients:
            client.takes.clear()
        serving = [asyncio.create_task(served(scope(raw_path=b"/export"), client.receive, client.send)) for client in clients]
        await until(lambda: all(client.sent for client in clients))
        await served(scope(), another.receive, another.send)
        assert another.body == b"page"
        for client in clients:
            client.takes.set()
        await asyncio.gather(*serving)
        assert [client.body for client in clients] == [b"abc"] * 60

    run(test())


def test_when_the_client_goes_the_answer_is_closed() -> None:
    async def test() -> None:
        answer, client = Answer(iter([b"a"] * 1000)), Client()
        served = asyncio.create_task(threaded(answering(answer))(scope(), client.receive, client.send))
        await until(lambda: len(client.sent) > 2)
        client.takes.clear()  # a send that would never end
        client.gone.set()
        await served
        assert answer.closed.is_set()
        assert not client.is_complete

    run(test())


def test_a_cancelled_request_is_closed_too() -> None:
    async def test() -> None:
        answer, client, in_the_view, may_go = Answer(iter([b"a", b"b"])), Client(), threading.Event(), threading.Event()

        def application(environ: Environ, start_response: Callable[..., None]) -> Iterable[bytes]:
            in_the_view.set()
            may_go.wait(20)
            start_response("200 OK", [])
            return answer

        served = asyncio.create_task(threaded(application)(scope(), client.receive, client.send))
        await until(in_the_view.is_set)
        served.cancel()
        client.gone.set()
        may_go.set()
        await until(answer.closed.is_set)

    run(test())


def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded_wsgi, "SEND_TIMEOUT", 0.05)

    async def test() -> None:
        answer, client = Answer(iter([b"a"] * 1000)), Client()
        serving = asyncio.create_task(threaded(answering(answer))(scope(), client.receive, client.send))
        await until(lambda: len(client.sent) > 2)
        client.takes.clear()
        await serving
        assert (answer.closed.is_set(), client.is_complete) == (True, False)

    run(test())


def test_what_fails_in_the_middle_breaks_off() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise OSError("no more")

    async def test() -> None:
        answer, client = Answer(pieces()), Client()
        with pytest.raises(OSError, match="no more"):
            await threaded(answering(answer))(scope(), client.receive, client.send)
        assert (client.body, client.is_complete, answer.closed.is_set()) == (b"a", False, True)

    run(test())


@pytest.mark.parametrize("headers", [[("Content-Length", "1")], []])
def test_head_gets_no_body(headers: list[tuple[str, str]]) -> None:
    async def test() -> None:
        answer, client = Answer([b"a"]), Client()
        await threaded(answering(answer, *headers))(scope(method="HEAD"), client.receive, client.send)
        assert (client.body, answer.taken, answer.closed.is_set()) == (b"", 0, True)

    run(test())


def test_an_answer_without_anything_is_complete() -> None:
    async def test() -> None:
        answer, client = Answer([]), Client()
        await threaded(answering(answer, status="304 Not Modified"))(scope(), client.receive, client.send)
        assert (client.status, client.body, client.is_complete, answer.closed.is_set()) == (304, b"", True, True)

    run(test())


def test_websockets_are_rejected() -> None:
    async def test() -> None:
        client = Client()
        await threaded(answering([]))({"type": "websocket"}, client.receive, client.send)
        assert client.sent == [{"type": "websocket.close"}]

    run(test())
