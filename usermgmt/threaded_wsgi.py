"""Runs a WSGI application under gunicorn's asyncio worker. Threads never wait for a client.

The event loop reads the whole request before a thread starts, and sends the response. A slow client costs only a socket and a
little memory. gunicorn's gthread worker would occupy a thread from the first byte.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]
WSGIApplication = Callable[..., Any]  # Django's response type isn't an Iterable

logger = logging.getLogger(__name__)

BODY_IN_MEMORY: Final = 64 << 10  # bytes; a larger body is in a temporary file
READ_TIMEOUT: Final = 60  # for each body, in addition to the time that it takes at the SLOWEST_RATE
SLOWEST_RATE: Final = 32 << 10  # bytes per second
MAX_UNSTREAMED: Final = 1 << 20  # bytes; a larger response is streamed
FILE_BLOCK: Final = 64 << 10
SEND_TIMEOUT: Final = 600  # then a client that reads nothing counts as disconnected


class ThreadedApplication:
    """The ASGI application around a WSGI application."""

    def __init__(self, application: WSGIApplication, *, threads: int, largest_body: int) -> None:
        """Handle `threads` requests at once. A body larger than `largest_body` bytes isn't read: the application must reject it.

        Streamed responses have a separate, smaller thread pool, so that exports don't block pages.
        """
        self._application = application
        self._largest_body = largest_body
        self._answering = ThreadPoolExecutor(threads, "answer")
        self._streaming = ThreadPoolExecutor(max(1, threads // 4), "stream")
        # Of all bodies at once. What has been received counts, so that clients who send slowly don't block the uploads of others.
        self._free_space = threads * largest_body
        self._running: set[asyncio.Task[Any]] = set()  # the event loop has only weak references

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        task = asyncio.create_task(self._serve(scope, receive, send))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # gunicorn cancels the request of a disconnected client. The response of the application must be closed nevertheless.
        if answer := await asyncio.shield(task):
            await send(answer.head)
            await send({"type": "http.response.body", "body": answer.first})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> "_Answer | None":
        """The complete, closed response; None if it was streamed or the client has disconnected."""
        environ = _environ(scope)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        with self._temporary_file() as body:
            if 0 < length <= self._largest_body:
                try:
                    async with asyncio.timeout(READ_TIMEOUT + length / SLOWEST_RATE):
                        if not await self._read(receive, body, length):
                            return None
                except TimeoutError:
                    return _rejection(HTTPStatus.REQUEST_TIMEOUT, "The request arrived too slowly.")
                except _NoSpace:
                    return _rejection(HTTPStatus.SERVICE_UNAVAILABLE, "Too many large uploads at the moment. Try again later.")
                except OSError as exc:  # the disk is full, or smaller than the largest body
                    logger.error("A request body of %s bytes couldn't be stored in the temporary folder: %s", length, exc.strerror)
                    return _rejection(HTTPStatus.INSUFFICIENT_STORAGE, "The temporary folder of the server is full.")
            environ["wsgi.input"] = body
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._answering, _answer, self._application, environ)
            if answer.rest is None:
                return answer
            await self._stream(answer, answer.rest, receive, send)
            return None

    @contextmanager
    def _temporary_file(self) -> "Iterator[_Body]":
        body = _Body(BODY_IN_MEMORY)
        try:
            yield body
        finally:
            self._free_space += body.received
            with suppress(OSError):  # on a full disk, it still has something to write
                body.close()

    async def _read(self, receive: Receive, body: "_Body", length: int) -> bool:
        """Read the body into the file; False if the client disconnects. A body without a length isn't read: Django ignores it."""
        while body.received < length:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            part = message["body"]
            if len(part) > self._free_space:
                raise _NoSpace
            self._free_space -= len(part)
            body.received += len(part)
            body.write(part)
        body.seek(0)
        return True

    async def _stream(self, answer: "_Answer", rest: "_Rest", receive: Receive, send: Send) -> None:
        """Create each chunk only after the client has received the previous one."""
        loop = asyncio.get_running_loop()
        disconnected = asyncio.create_task(_disconnected(receive))
        try:
            await send(answer.head)
            piece = answer.first
            while await _sent({"type": "http.response.body", "body": piece, "more_body": True}, send, disconnected):
                following = await loop.run_in_executor(self._streaming, rest.take)
                if following is None:
                    await _sent({"type": "http.response.body", "body": b""}, send, disconnected)
                    return
                piece = following
        finally:
            disconnected.cancel()
            await loop.run_in_executor(self._streaming, rest.close)


class _Rest:
    """The chunks of a response after the first. Different threads read them, one at a time."""

    def __init__(self, answer: Iterable[bytes], pieces: Iterator[bytes]) -> None:
        self._answer = answer
        self._pieces = pieces
        self._lock = threading.Lock()

    def take(self) -> bytes | None:
        """The next chunk, or None after the last."""
        with self._lock:
            return next(self._pieces, None)

    def close(self) -> None:
        """Close the response, sent or not, as WSGI requires."""
        with self._lock:
            _close(self._answer)


class _Answer(NamedTuple):
    head: Message
    first: bytes
    rest: _Rest | None


class _Body(SpooledTemporaryFile[bytes]):
    received = 0  # bytes


class _NoSpace(Exception):
    """The bodies of other requests take all of it."""


class _FileBlocks:
    """WSGI's file wrapper, with blocks of FILE_BLOCK bytes."""

    def __init__(self, file: IO[bytes], block_size: int = 0) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(FILE_BLOCK), b"")

    def close(self) -> None:
        self._file.close()


def _answer(application: WSGIApplication, environ: Environ) -> _Answer:
    """Run the application, in a thread. Reads the whole response if it is small, else its first chunk."""
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
        elif _length(headers) <= MAX_UNSTREAMED:
            first = b"".join(pieces)
        elif first := next(pieces, b""):
            rest = _Rest(answer, pieces)
    finally:
        if rest is None:
            _close(answer)
    return _Answer({"type": "http.response.start", "status": status, "headers": headers}, first, rest)


def _rejection(status: HTTPStatus, text: str) -> _Answer:
    """The response to a request whose body isn't read to its end; gunicorn then closes the connection."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    return _Answer({"type": "http.response.start", "status": status, "headers": headers}, text.encode(), None)


def _length(headers: list[tuple[bytes, bytes]]) -> float:
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), float("inf"))


def _close(answer: Iterable[bytes]) -> None:
    if close := getattr(answer, "close", None):
        close()


def _environ(scope: Message) -> Environ:
    """The WSGI environ of the request, without the environment of the process."""
    server, client = scope["server"] or ("", 0), scope["client"] or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(_path(scope["raw_path"])).decode("latin-1"),
        "RAW_PATH": _path(scope["raw_path"]).decode("latin-1"),  # in which %2F isn't a slash
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
        # WSGI doesn't distinguish dash and underscore: a forged X_Forwarded_For would look like the header of the proxy.
        if b"_" not in header:
            name = header.decode("latin-1").upper().replace("-", "_")
            key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _path(target: bytes) -> bytes:
    """The path, also of a request line with an absolute URL, which HTTP allows."""
    before, separator, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if separator and b"/" not in before else target


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sent(message: Message, send: Send, disconnected: "asyncio.Task[None]") -> bool:
    """Whether the message was sent. A send to a disconnected client may never end."""
    sending = asyncio.ensure_future(send(message))
    try:
        await asyncio.wait((sending, disconnected), timeout=SEND_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        return sending.done() and not disconnected.done()
    finally:
        sending.cancel()
