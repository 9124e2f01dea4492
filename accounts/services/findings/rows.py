"""The rows of a finding, stored in documents of up to 1,000, which are never changed.

Only the run says which documents belong to it (its chunks), so what a process wrote before it was killed belongs to none.
"""

import base64
import json
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any, Final, NamedTuple, Self, TypeVar

from accounts.services import errors
from accounts.services.documents import damage, indices, store

T = TypeVar("T")

CHUNK_SIZE: Final = 1000

Chunk = tuple[str, int]  # the ID of the document, and how many rows it has


class Row(NamedTuple):
    """One user, API key, role mapping, or change. `key` identifies it from one run to the next.

    `ref` is the ID of the API key or of the event, or the name of the role mapping. `badges`: Reserved, Deactivated, Deleted.
    """

    key: str
    username: str
    full_name: str = ""
    details: str = ""
    roles: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()
    ref: str = ""

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """From its stored values. Raises an error of `damage.ERRORS` if another program has written them."""
        key, username, full_name, details, roles, badges, ref = values
        if not all(isinstance(text, str) for text in (key, username, full_name, details, *roles, *badges, ref)):
            raise TypeError("a text is something else")
        return cls(key, username, full_name, details, tuple(roles), tuple(badges), ref)

    @property
    def has_page(self) -> bool:
        """Whether the user existed during the run."""
        return bool(self.username) and "Deleted" not in self.badges


def save(series: Mapping[str, Iterable[Row]]) -> dict[str, list[Chunk]]:
    """Store the rows; returns the chunks of each series. Raises Unavailable."""
    return _write({name: _cut(list(rows)) for name, rows in series.items()})


def save_state(name: str, values: Sequence[Any]) -> dict[str, list[Chunk]]:
    """Store values other than rows between batches."""
    return _write({name: [list(values)]} if values else {})


def read(chunks: Iterable[Chunk]) -> Iterator[Row]:
    """All rows, in order, one document at a time. Raises Unavailable when a document is missing."""
    return chain.from_iterable(_stored(id, Row.of) for id, _ in chunks)


def read_state(chunks: Iterable[Chunk]) -> Iterator[Any]:
    """The stored values, in order, one document at a time."""
    return chain.from_iterable(_stored(id, lambda value: value) for id, _ in chunks)


def page(chunks: Iterable[Chunk], offset: int, size: int) -> list[Row]:
    """A page of the rows; only the documents with these rows are read."""
    rows: list[Row] = []
    for id, count in chunks:
        if offset < count and len(rows) < size:
            rows += _stored(id, Row.of)[offset : offset + size - len(rows)]
        offset = max(0, offset - count)
    return rows


def delete(chunks: Iterable[Chunk]) -> None:
    """Delete the documents. A missing one, and one that can't be deleted, is no error."""
    _delete(chunks)


def delete_all(chunks: Iterable[Chunk]) -> None:
    """Delete the documents. A missing one is no error. Raises Unavailable when one couldn't be deleted."""
    store.require_status(_delete(chunks), (HTTPStatus.OK, HTTPStatus.NOT_FOUND))


def _delete(chunks: Iterable[Chunk]) -> list[Mapping[str, Any]]:
    return store.bulk([{"delete": {"_index": indices.FINDINGS, "_id": id}} for id, _ in chunks])


def _cut(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[start : start + CHUNK_SIZE] for start in range(0, len(rows), CHUNK_SIZE)]


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
        raise errors.Unavailable(f"the rows {id} are missing")
    return str(document["_source"].get("rows"))


def _stored(id: str, read: Callable[[Any], T]) -> list[T]:
    """The values of a document. Raises Unavailable if it is missing, DocumentDamaged if another program has written it."""
    try:
        return [read(value) for value in _unpacked(_document(id))]
    except (*damage.ERRORS, zlib.error) as exc:
        raise errors.DocumentDamaged(f"the rows {id}: {type(exc).__name__}") from None


def _packed(values: Sequence[Any]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(values, separators=(",", ":")).encode())).decode("ascii")


def _unpacked(text: str) -> list[Any]:
    values: list[Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return values
