"""Comparing two exports, each verified with its own manifest first."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from accounts.services import audit, exports
from accounts.services.client import service_client
from accounts.services.compare import attribution
from accounts.services.compare.differences import Comparison, Entry, compare
from accounts.services.compare.limits import Size, TooLarge
from accounts.services.compare.trail import TooManyChanges
from accounts.services.exports import CompletenessManifest, Export, InvalidExport, Row

# Of one file, compressed and uncompressed; 100,000 users take some 3 MB and 30 MB.
MAX_SIZE: Final = 50 << 20
MAX_UNCOMPRESSED: Final = 512 << 20

OTHER_FILTER: Final = "The lists have different filters, so some users may be added or removed only for that reason."
OTHER_ANONYMOUS_ACCESS: Final = (
    "Anonymous access differs, or isn't known for one of the lists, so it may be the only reason why users can manage users."
)
OTHER_CLUSTER: Final = "The lists are from different clusters."
OTHER_CLUSTER_UNKNOWN: Final = "The lists are from another cluster, so it's unknown who made the changes."
TRAIL_TOO_SHORT: Final = "It's unknown who made some of the changes, because the audit trail starts after the first list."
TOO_MANY_CHANGES: Final = "Too many changes in this period to show who made them."


@dataclass(frozen=True)
class Exports:
    """The comparison of two exports, the older one first, and what a reader must know about it."""

    before: CompletenessManifest
    after: CompletenessManifest
    comparison: Comparison
    warnings: Sequence[str]


def open_export(file: BinaryIO) -> Export:
    """A verified export. Raises InvalidExport, also for a file that is too large."""
    if file.seek(0, 2) > MAX_SIZE:
        raise InvalidExport(f"The file is larger than {MAX_SIZE >> 20} MB.")
    file.seek(0)
    with exports.invalid_if_damaged():
        unpacked = sum(part.file_size for part in zipfile.ZipFile(file).infolist())
    if unpacked > MAX_UNCOMPRESSED:
        raise InvalidExport(f"The uncompressed file is larger than {MAX_UNCOMPRESSED >> 20} MB.")
    return exports.read(file, _count_within_limits)


def _count_within_limits(rows: Iterator[Row]) -> int:
    size = Size("export", "users")
    try:
        for row in rows:
            size.add((row.username, row.full_name, row.email), row.roles)
    except TooLarge as exc:
        raise InvalidExport(str(exc)) from None
    return size.count


def of_exports(one: Export, other: Export) -> Exports:
    """Compare two exports, given in any order. Raises Unavailable and NotSetUp."""
    first, second = sorted((one, other), key=_moment)
    found = compare(map(Entry.of, first.rows()), map(Entry.of, second.rows()))
    before, after = first.manifest, second.manifest
    comparison, unknown = _with_actors(found, before, after)
    warnings = [
        *([OTHER_FILTER] if before.filter != after.filter else []),
        *([OTHER_ANONYMOUS_ACCESS] if before.anonymous_access != after.anonymous_access else []),
        *([OTHER_CLUSTER] if before.cluster_id != after.cluster_id else []),
        *([unknown] if unknown else []),
    ]
    return Exports(before, after, comparison, warnings)


def _with_actors(found: Comparison, before: CompletenessManifest, after: CompletenessManifest) -> tuple[Comparison, str]:
    """With the actors, or why they are unknown."""
    if not found.differences:
        return found, ""
    if {before.cluster_id, after.cluster_id} != {service_client().cluster.state(metric="version")["cluster_uuid"]}:
        return found, OTHER_CLUSTER_UNKNOWN
    start = audit.trail_start()
    since, until = (datetime.fromisoformat(manifest.generated_at) for manifest in (before, after))
    try:
        named = attribution.with_actors(found, since, until)
    except TooManyChanges:
        return found, TOO_MANY_CHANGES
    return named, "" if start and start <= since else TRAIL_TOO_SHORT


def _moment(export: Export) -> str:
    return export.manifest.generated_at
