"""Streamed downloads."""

import json
from collections.abc import Generator, Iterator
from contextvars import copy_context
from typing import Any, Final

from django.http import StreamingHttpResponse

from accounts.services.exports import Chunk

# Requested by static/js/export.js: a JSON line with length and progress before each chunk of the file.
FRAMES: Final = "application/vnd.usermgmt.frames"


class StreamBuffer(Iterator[bytes]):
    """The chunks of a file. The first one is created at once, so that an error before it becomes an error page.

    The others are created after the middleware has ended, still with the request ID and the source address of the request.
    `close` stops the generator if the client disconnects.
    """

    def __init__(self, chunks: Generator[Chunk, None, None], framed: str = "") -> None:
        """`framed`: the file name, if the client requested frames."""
        self._context = copy_context()
        self._chunks = chunks
        self._framed = framed
        self._next: Chunk | None = self._make()

    def __next__(self) -> bytes:
        """The next chunk. Errors of the generator propagate and interrupt the response."""
        chunk, self._next = self._next, None
        chunk = chunk or self._make()
        if chunk:
            return _frame(chunk) if self._framed else chunk.data
        if not self._framed:
            raise StopIteration
        name, self._framed = self._framed, ""
        return _line(name=name, bytes=0)

    def close(self) -> None:
        self._context.run(self._chunks.close)

    def _make(self) -> Chunk | None:
        return self._context.run(next, self._chunks, None)


def download(chunks: Generator[Chunk, None, None], name: str, content_type: str, *, in_frames: bool) -> StreamingHttpResponse:
    """A response with the file. Raises the errors of its first chunk."""
    if in_frames:
        unbuffered = {"X-Accel-Buffering": "no"}  # a proxy would hold the progress back
        return StreamingHttpResponse(StreamBuffer(chunks, framed=name), content_type=FRAMES, headers=unbuffered)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(StreamBuffer(chunks), content_type=content_type, headers=disposition)


def _frame(chunk: Chunk) -> bytes:
    return _line(rows=chunk.rows, total=chunk.total, bytes=len(chunk.data)) + chunk.data


def _line(**facts: Any) -> bytes:
    return json.dumps(facts).encode() + b"\n"
