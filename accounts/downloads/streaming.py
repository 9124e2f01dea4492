"""A file that is made while it is sent."""

import json
from collections.abc import Generator, Iterator
from contextvars import copy_context
from typing import Any, Final

from django.http import StreamingHttpResponse

from accounts.services.exports import Chunk

# What static/js/export.js asks for: before each piece of the file a line of JSON that says how long it is, and how far we are.
FRAMES: Final = "application/vnd.usermgmt.frames"


class Pieces(Iterator[bytes]):
    """The pieces of a file, for the server to send. The first is made at once, so that what goes wrong before it gets a page.

    The rest is made when the request's middleware has ended, still under the request's id and with its source address. When
    nobody takes the rest, `close` tells whoever makes it.
    """

    def __init__(self, chunks: Generator[Chunk, None, None], framed: str = "") -> None:
        """`framed`: the name of the file, for a script that gets it in frames."""
        self._context = copy_context()
        self._chunks = chunks
        self._framed = framed
        self._next: Chunk | None = self._make()

    def __next__(self) -> bytes:
        """The next piece. Raises what the making raises: the answer then breaks off."""
        chunk, self._next = self._next, None
        chunk = chunk or self._make()
        if chunk:
            return _frame(chunk) if self._framed else chunk.data
        if not self._framed:
            raise StopIteration
        name, self._framed = self._framed, ""
        return _line(name=name, bytes=0)

    def close(self) -> None:
        """Nobody wants the rest."""
        self._context.run(self._chunks.close)

    def _make(self) -> Chunk | None:
        return self._context.run(next, self._chunks, None)


def download(chunks: Generator[Chunk, None, None], name: str, content_type: str, *, in_frames: bool) -> StreamingHttpResponse:
    """The answer with a file of that name. Raises what making its first chunk raises."""
    if in_frames:
        unbuffered = {"X-Accel-Buffering": "no"}  # a proxy would hold the progress back
        return StreamingHttpResponse(Pieces(chunks, framed=name), content_type=FRAMES, headers=unbuffered)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(Pieces(chunks), content_type=content_type, headers=disposition)


def _frame(chunk: Chunk) -> bytes:
    return _line(rows=chunk.rows, total=chunk.total, bytes=len(chunk.data)) + chunk.data


def _line(**facts: Any) -> bytes:
    return json.dumps(facts).encode() + b"\n"
