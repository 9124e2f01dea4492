"""Writing an export: a ZIP file that is sent while it is made, and that is whole only with its very last bytes."""

import hashlib
import io
import zipfile
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Final, NamedTuple

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.exports import filters
from accounts.services.exports.completeness import Completeness
from accounts.services.exports.formats import Format
from accounts.services.exports.listing import Listing
from accounts.services.exports.rows import Row
from accounts.services.users import UserQuery

ACTION: Final = "export"
TARGET: Final = "users"
KIND: Final = "list"
MOST_PRINTED: Final = 2000  # more than anybody reads on paper
QUICKLY: Final = 1  # how hard to compress
OWNER_ONLY: Final = 0o600 << 16


class Chunk(NamedTuple):
    """The next bytes of the file, and how many rows of how many are in it by now."""

    rows: int
    total: int
    data: bytes


def write(client: PersonClient, query: UserQuery, format: Format) -> Generator[Chunk, None, None]:
    """The file, in chunks, and a record of it in the audit trail.

    The directory of a ZIP file comes last, and the completeness block right before it: what breaks off cannot be opened. Raises
    AuditUnavailable before anything is read, AccessDenied without read_security, Unavailable and NotSetUp also in the middle.
    """
    details = {"format": format.name, "filter": filters.describe(query), "query": filters.query_string(query)}
    try:
        with audit.recorded(client, ACTION, TARGET, kind=KIND, details=details):
            yield from _watched(_file(Listing(client, query), format, details))
    except errors.ClientDisconnected:
        return


def printed(client: PersonClient, query: UserQuery) -> tuple[list[Row], Completeness]:
    """The rows of a page to print, up to MOST_PRINTED, with a block that has no hash; this is written down, too.

    Raises AuditUnavailable, AccessDenied without read_security, Unavailable, NotSetUp.
    """
    details = {"format": "print", "filter": filters.describe(query), "query": filters.query_string(query)}
    with audit.recorded(client, ACTION, TARGET, kind=KIND, details=details):
        listing = Listing(client, query)
        rows = list(islice(listing, MOST_PRINTED))
        block = listing.completeness("")
        details |= {"rows": str(len(rows)), "users_before": str(block.users_before), "users_after": str(block.users_after)}
    return rows, block


def _watched(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Raises ClientDisconnected when nobody wants the rest."""
    try:
        yield from chunks
    except GeneratorExit:
        raise errors.ClientDisconnected("nobody waited for the end of it") from None


def _file(listing: Listing, format: Format, details: dict[str, str]) -> Iterator[Chunk]:
    """`details` gets what came out."""
    written = Pieces()
    archive = zipfile.ZipFile(written, "w", compresslevel=QUICKLY)
    digest = hashlib.sha256()
    with archive.open(_entry(format.part, listing), "w") as part:
        for data in _data(listing, format):
            digest.update(data)
            part.write(data)
            yield Chunk(listing.count, listing.total, written.take())
    block = listing.completeness(digest.hexdigest(), format.part)
    for name, content in format.others(block):
        archive.writestr(_entry(name, listing), content)
    archive.close()
    details |= {"rows": str(block.rows), "users_before": str(block.users_before), "users_after": str(block.users_after)}
    details["sha256"] = block.sha256
    yield Chunk(listing.count, listing.total, written.take())


def _data(listing: Listing, format: Format) -> Iterator[bytes]:
    yield format.begin()
    for rows in listing.portions():
        yield format.rows(rows, listing.trail_start)
    yield format.end()


def _entry(name: str, listing: Listing) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, listing.begun.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = OWNER_ONLY
    return entry


class Pieces(io.RawIOBase):
    """A file that only grows, and whose new bytes can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes
        """Keep them until they are taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
