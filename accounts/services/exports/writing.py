"""Writing an export: a ZIP file that is sent while it is written, and can be opened only when it is complete."""

import hashlib
import io
import zipfile
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Final, NamedTuple

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.exports import filters
from accounts.services.exports.completeness import CompletenessManifest
from accounts.services.exports.formats import Format
from accounts.services.exports.listing import Listing
from accounts.services.exports.rows import Row
from accounts.services.users import UserQuery

TARGET: Final = "users"
KIND: Final = "list"
MAX_PRINTED: Final = 2000  # more than anyone reads on paper
COMPRESSION_LEVEL: Final = 1  # fast
OWNER_ONLY: Final = 0o600 << 16


class Chunk(NamedTuple):
    """The next bytes of the file, and how many of the rows are in it so far."""

    rows: int
    total: int
    data: bytes


def write(client: PersonClient, query: UserQuery, format: Format) -> Generator[Chunk, None, None]:
    """The file, in chunks; recorded in the audit trail.

    The directory of a ZIP file comes last, and the manifest right before it, so a truncated file can't be opened. Raises
    AuditUnavailable before anything is read, AccessDenied without read_security, Unavailable and NotSetUp also later.
    """
    details = {"format": format.name, "filter": filters.describe(query), "query": filters.query_string(query)}
    try:
        with audit.recorded(client, audit.Action.EXPORT, TARGET, kind=KIND, details=details):
            yield from _until_disconnected(_file(Listing(client, query), format, details))
    except errors.ClientDisconnected:
        return


def printed(client: PersonClient, query: UserQuery) -> tuple[list[Row], CompletenessManifest]:
    """The rows of the print view, up to MAX_PRINTED, with a manifest without hash; recorded in the audit trail.

    Raises AuditUnavailable, AccessDenied without read_security, Unavailable, NotSetUp.
    """
    details = {"format": "print", "filter": filters.describe(query), "query": filters.query_string(query)}
    with audit.recorded(client, audit.Action.EXPORT, TARGET, kind=KIND, details=details):
        listing = Listing(client, query)
        rows = list(islice(listing, MAX_PRINTED))
        manifest = listing.completeness("")
        details |= {"rows": str(len(rows)), "users_before": str(manifest.users_before), "users_after": str(manifest.users_after)}
    return rows, manifest


def _until_disconnected(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Raises ClientDisconnected when the client goes away before the end."""
    try:
        yield from chunks
    except GeneratorExit:
        raise errors.ClientDisconnected("the client went away") from None


def _file(listing: Listing, format: Format, details: dict[str, str]) -> Iterator[Chunk]:
    """Adds the results to `details`."""
    written = StreamBuffer()
    archive = zipfile.ZipFile(written, "w", compresslevel=COMPRESSION_LEVEL)
    digest = hashlib.sha256()
    with archive.open(_entry(format.part, listing), "w") as part:
        for data in _data(listing, format):
            digest.update(data)
            part.write(data)
            yield Chunk(listing.count, listing.total, written.take())
    manifest = listing.completeness(digest.hexdigest(), format.part)
    for name, content in format.others(manifest):
        archive.writestr(_entry(name, listing), content)
    archive.close()
    details |= {"rows": str(manifest.rows), "users_before": str(manifest.users_before), "users_after": str(manifest.users_after)}
    details["sha256"] = manifest.sha256
    yield Chunk(listing.count, listing.total, written.take())


def _data(listing: Listing, format: Format) -> Iterator[bytes]:
    yield format.begin()
    for rows in listing.batches():
        yield format.rows(rows, listing.trail_start)
    yield format.end()


def _entry(name: str, listing: Listing) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, listing.begun.timetuple()[:6])
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
