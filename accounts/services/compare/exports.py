"""Two exports, each found whole by its own completeness block before anything of it is believed."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from accounts.services import audit, exports
from accounts.services.client import service_client
from accounts.services.compare import attribution
from accounts.services.compare.differences import Comparison, Entry, compared
from accounts.services.compare.trail import TooMany
from accounts.services.exports import Completeness, Export, NotWhole

# Of one file, as it is sent and unpacked; 100,000 users take some 3 MB and 30 MB.
LARGEST: Final = 50 << 20
LARGEST_UNPACKED: Final = 512 << 20
MOST_ROWS: Final = 500_000

OTHER_FILTER: Final = "The two lists were filtered in different ways: who came or went may only fit one of the filters."
OTHER_CLUSTER: Final = "The two lists are of different clusters."
NOT_OURS: Final = "The lists are of another cluster than this one, so nothing is known here of who made the changes."
NOT_KNOWN: Final = "Who made the changes is not known: the audit trail begins later than the first list."
TOO_MANY: Final = "Who made the changes is left out: there were too many of them in this time."


@dataclass(frozen=True)
class Exports:
    """What is different between two exports, the older one first, and what one has to know to read it."""

    before: Completeness
    after: Completeness
    comparison: Comparison
    cautions: Sequence[str]


def open_export(file: BinaryIO) -> Export:
    """An export that is whole. Raises NotWhole, also for one that is too large."""
    if file.seek(0, 2) > LARGEST:
        raise NotWhole(f"The file is larger than {LARGEST >> 20} MB.")
    file.seek(0)
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(file).infolist())
    except zipfile.BadZipFile as exc:
        raise NotWhole(f"The file is no export, or is cut off: {exc}") from None
    if unpacked > LARGEST_UNPACKED:
        raise NotWhole(f"Unpacked, the file is larger than {LARGEST_UNPACKED >> 20} MB.")
    export = exports.read(file)
    if export.completeness.rows > MOST_ROWS:
        raise NotWhole(f"The file has more than {MOST_ROWS:,} users.")
    return export


def of_exports(one: Export, other: Export) -> Exports:
    """What became of the users between two exports, whichever is the older one, and by whom. Raises Unavailable, NotSetUp."""
    first, second = sorted((one, other), key=_moment)
    found = compared(map(Entry.of, first.rows()), map(Entry.of, second.rows()))
    before, after = first.completeness, second.completeness
    comparison, unknown = _attributed(found, before, after)
    cautions = [
        *([OTHER_FILTER] if before.filter != after.filter else []),
        *([OTHER_CLUSTER] if before.cluster_id != after.cluster_id else []),
        *([unknown] if unknown else []),
    ]
    return Exports(before, after, comparison, cautions)


def _attributed(found: Comparison, before: Completeness, after: Completeness) -> tuple[Comparison, str]:
    """With whoever made the changes, or why that is not known."""
    if not found.differences:
        return found, ""
    if {before.cluster_id, after.cluster_id} != {service_client().cluster.state(metric="version")["cluster_uuid"]}:
        return found, NOT_OURS
    begins = audit.trail_start()
    since, until = (datetime.fromisoformat(block.generated_at) for block in (before, after))
    try:
        named = attribution.attributed(found, since, until)
    except TooMany:
        return found, TOO_MANY
    return named, "" if begins and begins <= since else NOT_KNOWN


def _moment(export: Export) -> str:
    return export.completeness.generated_at
