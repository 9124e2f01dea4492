"""The rows behind a finding, and how they are kept: documents of up to 1,000, which nobody ever changes.

Which documents belong to a run stands in the run alone (its chunks): what a process wrote before it was killed belongs to none.
"""

import base64
import json
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any, Final, NamedTuple, Self

from accounts.services import errors
from accounts.services.documents import indices, store

CHUNK: Final = 1000

Chunk = tuple[str, int]  # the document's id, and how many rows it has


class Row(NamedTuple):
    """One thing that was found. `key` is what it is known by from one run to the next.

    `ref` is the API key's id or the event's. `marks`: Reserved, Deactivated, Deleted.
    """

    key: str
    username: str
    full_name: str = ""
    note: str = ""
    roles: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    ref: str = ""

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """One that was kept."""
        key, username, full_name, note, roles, marks, ref = values
        return cls(key, username, full_name, note, tuple(roles), tuple(marks), ref)

    @property
    def has_page(self) -> bool:
        """Whether there was such a user when it was found."""
        return bool(self.username) and "Deleted" not in self.marks


def save(series: Mapping[str, Iterable[Row]]) -> dict[str, list[Chunk]]:
    """Keep the rows; what to find each series by. Raises Unavailable."""
    return _write({name: _cut(list(rows)) for name, rows in series.items()})


def save_state(name: str, values: Sequence[Any]) -> dict[str, list[Chunk]]:
    """Keep, between portions, values that are not rows."""
    return _write({name: [list(values)]} if values else {})


def read(chunks: Iterable[Chunk]) -> Iterator[Row]:
    """All rows, in order, one document at a time. Raises Unavailable for one that is gone."""
    return map(Row.of, read_state(chunks))


def read_state(chunks: Iterable[Chunk]) -> Iterator[Any]:
    """What was kept, in order, one document at a time."""
    return chain.from_iterable(_unpacked(_document(id)) for id, _ in chunks)


def page(chunks: Iterable[Chunk], offset: int, size: int) -> list[Row]:
    """The rows from `offset` on; only the documents that hold them are read."""
    rows: list[Row] = []
    for id, count in chunks:
        if offset < count and len(rows) < size:
            rows += map(Row.of, _unpacked(_document(id))[offset : offset + size - len(rows)])
        offset = max(0, offset - count)
    return rows


def delete(chunks: Iterable[Chunk]) -> None:
    """Remove them; one that is gone is no error."""
    store.bulk([{"delete": {"_index": indices.FINDINGS, "_id": id}} for id, _ in chunks])


def _cut(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _write(parts: Mapping[str, list[Sequence[Any]]]) -> dict[str, list[Chunk]]:
    chunks: dict[str, list[Chunk]] = {}
    operations: list[dict[str, Any]] = []
    for name, values in parts.items():
        chunks[name] = [(uuid.uuid4().hex, len(part)) for part in values]
        for (id, _), part in zip(chunks[name], values, strict=True):
            operations += [{"create": {"_index": indices.FINDINGS, "_id": id}}, {"kind": "rows", "rows": _packed(part)}]
    store.require_status(store.bulk(operations), (HTTPStatus.CREATED,))
    return chunks


def _document(id: str) -> str:
    document = store.get(indices.FINDINGS, id)
    if document is None:
        raise errors.Unavailable(f"the rows {id} are gone")
    return str(document["_source"]["rows"])


def _packed(values: Sequence[Any]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(values, separators=(",", ":")).encode())).decode("ascii")


def _unpacked(text: str) -> list[Any]:
    values: list[Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return values
