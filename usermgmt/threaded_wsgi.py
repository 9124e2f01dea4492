"""Runs a WSGI application under gunicorn's asyncio worker: threads compute, and never wait for a client.

The event loop reads a whole request before a thread sees it, and sends what a thread has made. A client that sends or reads slowly
costs a socket and a little memory. gunicorn's own worker with threads gives a client a thread at the first byte.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
WSGIApplication = Callable[..., Any]  # Django's type for an answer is not an iterable

BODY_IN_MEMORY: Final = 64 << 10  # the rest is in a temporary file
LARGE_BODY: Final = 3 << 20  # over this it is an upload: Django takes forms up to 2.5 MB
WHOLE_ANSWER: Final = 1 << 20  # up to this an answer is taken from the application in one go
FILE_BLOCK: Final = 64 << 10
SECONDS_TO_READ: Final = 600  # a client that takes nothing for this long is gone


class ThreadedApplication:
    """The ASGI application around a WSGI application."""

    def __init__(self, application: WSGIApplication, *, threads: int, largest_body: int) -> None:
        """Answer `threads` requests at once. A body over `largest_body` is not read: the application has to refuse the request.

        Each piece of a streamed answer is made by one of a few other threads, so exports leave the threads of the pages alone.
        """
        self._application = application
        self._largest_body = largest_body
        self._answering = ThreadPoolExecutor(threads, "answer")
        self._streaming = ThreadPoolExecutor(max(1, threads // 4), "stream")
        self._uploads = asyncio.Semaphore(threads)  # limits the disk that their temporary files take
        self._running: set[asyncio.Task[Any]] = set()  # the event loop itself keeps weak references

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        task = asyncio.create_task(self._serve(scope, receive, send))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # gunicorn cancels a request soon after its client has gone. What the application has begun must be closed even then.
        if answer := await asyncio.shield(task):
            await send(answer.head)
            await send({"type": "http.response.body", "body": answer.first})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> "_Answer | None":
        """An answer that is complete, and closed. One that is streamed has been sent."""
        environ = _environ(scope)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        is_read = length <= self._largest_body
        async with self._uploads if is_read and length > LARGE_BODY else nullcontext():
            with SpooledTemporaryFile(BODY_IN_MEMORY) as body:
                if is_read and not await _read(receive, body, length):
                    return None
                environ["wsgi.input"] = body
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._answering, _answer, self._application, environ)
                if answer.rest is None:
                    return answer
                await self._stream(answer, answer.rest, receive, send)
                return None

    async def _stream(self, answer: "_Answer", rest: "_Rest", receive: Receive, send: Send) -> None:
        """Make each piece only when the client has taken the one before it."""
        loop = asyncio.get_running_loop()
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await send(answer.head)
            piece = answer.first
            while await _sent({"type": "http.response.body", "body": piece, "more_body": True}, send, gone):
                following = await loop.run_in_executor(self._streaming, rest.take)
                if following is None:
                    await _sent({"type": "http.response.body", "body": b""}, send, gone)
                    return
                piece = following
        finally:
            gone.cancel()
            await loop.run_in_executor(self._streaming, rest.close)


class _Rest:
    """The pieces of an answer after the first. Different threads take them, one at a time."""

    def __init__(self, answer: Iterable[bytes], pieces: Iterator[bytes]) -> None:
        self._answer = answer
        self._pieces = pieces
        self._lock = threading.Lock()

    def take(self) -> bytes | None:
        """The next piece, or None after the last."""
        with self._lock:
            return next(self._pieces, None)

    def close(self) -> None:
        """Tell the application that its answer was sent, or that nobody waits for the rest."""
        with self._lock:
            _close(self._answer)


class _Answer(NamedTuple):
    head: Message
    first: bytes
    rest: _Rest | None


class _FileBlocks:
    """A file as an answer: WSGI's file wrapper, with blocks of our size."""

    def __init__(self, file: IO[bytes], block_size: int = 0) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(FILE_BLOCK), b"")

    def close(self) -> None:
        self._file.close()


def _answer(application: WSGIApplication, environ: Environ) -> _Answer:
    """Run the application, in a thread. A small answer is complete; of another one this takes the first piece."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started[:] = int(status[:3]), [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    answer = application(environ, start_response)
    pieces = iter(answer)
    rest = None
    try:
        status, headers = started
        if environ["REQUEST_METHOD"] == "HEAD":
            first = b""
        elif _length(headers) <= WHOLE_ANSWER:
            first = b"".join(pieces)
        elif first := next(pieces, b""):
            rest = _Rest(answer, pieces)
    finally:
        if rest is None:
            _close(answer)
    return _Answer({"type": "http.response.start", "status": status, "headers": headers}, first, rest)


def _length(headers: list[tuple[bytes, bytes]]) -> float:
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), float("inf"))


def _close(answer: Iterable[bytes]) -> None:
    if close := getattr(answer, "close", None):
        close()


def _environ(scope: Message) -> Environ:
    """What WSGI calls the environment of a request. Nothing of this process's environment is in it."""
    server, client = scope["server"] or ("", 0), scope["client"] or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(_path(scope["raw_path"])).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": _FileBlocks,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in scope["headers"]:
        # To WSGI a dash and an underscore are the same: X_Forwarded_For would pass for the header that a proxy sets.
        if b"_" not in header:
            name = header.decode("latin-1").upper().replace("-", "_")
            key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _path(target: bytes) -> bytes:
    """Also of a request line with a whole URL, which HTTP allows."""
    before, separator, place = target.partition(b"://")
    return b"/" + place.partition(b"/")[2] if separator and b"/" not in before else target


async def _read(receive: Receive, body: "SpooledTemporaryFile[bytes]", length: int) -> bool:
    """The body into the file; False when the client has gone. Django ignores a body without a length, so that is not read."""
    while body.tell() < length:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body.write(message["body"])
    body.seek(0)
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sent(message: Message, send: Send, gone: "asyncio.Task[None]") -> bool:
    """Whether the client takes what it is sent. A send to a client that has gone may never end."""
    sending = asyncio.ensure_future(send(message))
    try:
        await asyncio.wait((sending, gone), timeout=SECONDS_TO_READ, return_when=asyncio.FIRST_COMPLETED)
        return sending.done() and not gone.done()
    finally:
        sending.cancel()
