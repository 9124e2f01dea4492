"""The JSON that Elasticsearch returns, as text that any page and file can show.

Elasticsearch stores half of a surrogate pair (`\\ud800`), which no encoding has: a question mark takes its place.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from elastic_transport import JsonSerializer

# As an escape, or as the bytes that a surrogate would have in UTF-8.
SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
_is_exact: ContextVar[bool] = ContextVar("is_exact", default=False)


class ShowableJsonSerializer(JsonSerializer):
    """`json_loads` returns text that can be shown, unless the call is made in `exact_text`."""

    def json_loads(self, data: bytes) -> Any:
        """The value of a response body."""
        value = json.loads(data)
        # The search takes longer than the rest, and most bodies have neither an escape nor such a byte.
        has_surrogate = (b"\\u" in data or b"\xed" in data) and SURROGATE.search(data)
        return showable(value) if has_surrogate and not _is_exact.get() else value


def showable(value: Any) -> Any:
    """A JSON value with a question mark for each half of a surrogate pair."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


@contextmanager
def exact_text() -> Iterator[None]:
    """In this block, responses are as stored, to be written back as they are."""
    token = _is_exact.set(True)
    try:
        yield
    finally:
        _is_exact.reset(token)
