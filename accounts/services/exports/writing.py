"""Writing an export: a ZIP file that is sent while it is written, and can be opened only when it is complete."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Final, NamedTuple

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.exports import filters
from accounts.services.exports.completeness import CompletenessManifest, Manifest, TableManifest
from accounts.services.exports.formats import Format
from accounts.services.exports.listing import Listing
from accounts.services.exports.rows import Row
from accounts.services.exports.tables import Table, TableListing
from accounts.services.users import UserQuery

TARGET: Final = "users"
KIND: Final = "list"
MAX_PRINTED: Final = 2000  # more than anyone reads on paper
COMPRESSION_LEVEL: Final = 1  # fast
OWNER_ONLY: Final = 0o600 << 16
# What the audit trail keeps of the manifest, besides filter and query.
RECORDED: Final = frozenset({"rows", "users_before", "users_after", "count_before", "count_after", "sha256"})

Source = Listing | TableListing


class Chunk(NamedTuple):
    """The next bytes of the file, and how many of the rows are in it so far."""

    rows: int
    total: int
    data: bytes


def write(client: PersonClient, query: UserQuery, format: Format) -> Generator[Chunk, None, None]:
    """The list of users as a file, in chunks; recorded in the audit trail.

    The directory of a ZIP file comes last, and the manifest right before it, so a truncated file can't be opened. Raises
    AuditUnavailable before anything is read, AccessDenied without read_security, Unavailable and NotSetUp also later.
    """
    details = {"filter": filters.describe(query), "query": filters.query_string(query)}
    return _written(client, TARGET, details, lambda: Listing(client, query), format)


def write_table(client: PersonClient, table: Table, format: Format) -> Generator[Chunk, None, None]:
    """The same for another table. Raises AuditUnavailable before anything is read, and what reading its rows raises also later."""
    details = {"filter": table.filter, "query": table.query}
    return _written(client, table.name, details, lambda: TableListing(client, table), format)


def printed(client: PersonClient, query: UserQuery) -> tuple[list[Row], CompletenessManifest]:
    """The rows of the print view, up to MAX_PRINTED, with a manifest without hash; recorded in the audit trail.

    Raises AuditUnavailable, AccessDenied without read_security, Unavailable, NotSetUp.
    """
    details = {"filter": filters.describe(query), "query": filters.query_string(query)}
    with _recorded(client, TARGET, details, "print"):
        listing = Listing(client, query)
        rows = list(islice(listing, MAX_PRINTED))
        manifest = listing.completeness("")
        details |= _recorded_facts(manifest)
    return rows, manifest


def print_table(client: PersonClient, table: Table) -> tuple[list[list[str]], TableManifest]:
    """The same for another table, with the rows as cells. Raises AuditUnavailable, and what reading its rows raises."""
    details = {"filter": table.filter, "query": table.query}
    with _recorded(client, table.name, details, "print"):
        listing = TableListing(client, table)
        rows = list(islice(chain.from_iterable(listing.batches()), MAX_PRINTED))
        listing.count = len(rows)
        manifest = listing.completeness("")
        details |= _recorded_facts(manifest)
    return [table.cells(row) for row in rows], manifest


@contextmanager
def _recorded(client: PersonClient, target: str, details: dict[str, str], format: str) -> Iterator[None]:
    details["format"] = format
    with audit.recorded(client, audit.Action.EXPORT, target, kind=KIND, details=details):
        yield


def _recorded_facts(manifest: Manifest) -> dict[str, str]:
    return {name: str(value) for name, value in manifest.as_dict().items() if name in RECORDED and value != ""}


def _written(
    client: PersonClient, target: str, details: dict[str, str], load: Callable[[], Source], format: Format
) -> Generator[Chunk, None, None]:
    try:
        with _recorded(client, target, details, format.name):
            yield from _until_disconnected(_file(load(), format, details))
    except errors.ClientDisconnected:
        return


def _until_disconnected(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Raises ClientDisconnected when the client goes away before the end."""
    try:
        yield from chunks
    except GeneratorExit:
        raise errors.ClientDisconnected("the client went away") from None


def _file(source: Source, format: Format, details: dict[str, str]) -> Iterator[Chunk]:
    """Adds the results to `details`."""
    written = StreamBuffer()
    archive = zipfile.ZipFile(written, "w", compresslevel=COMPRESSION_LEVEL)
    digest = hashlib.sha256()
    part_name = format.part(source.sheet)
    with archive.open(_entry(part_name, source), "w") as part:
        for data in _data(source, format):
            digest.update(data)
            part.write(data)
            yield Chunk(source.count, source.total, written.take())
    manifest = source.completeness(digest.hexdigest(), part_name)
    for name, content in format.others(source.sheet, manifest):
        archive.writestr(_entry(name, source), content)
    archive.close()
    details |= _recorded_facts(manifest)
    yield Chunk(source.count, source.total, written.take())


def _data(source: Source, format: Format) -> Iterator[bytes]:
    yield format.begin(source.sheet)
    for rows in source.batches():
        yield format.rows(source.sheet, rows)
    yield format.end(source.sheet)


def _entry(name: str, source: Source) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, source.begun.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = OWNER_ONLY
    return entry


class StreamBuffer(io.RawIOBase):
    """A file that is only written; `take` returns the new bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes
        self._chunks.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken
