"""The files of a review's report, in one archive: cut short, it opens nowhere."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from accounts.services import reviews
from accounts.services.client import PersonClient
from accounts.services.exports import COLUMNS, NO_INFORMATION
from accounts.services.exports.cells import guarded
from accounts.services.reviews import Item, Outcome, Review
from accounts.templatetags.pretty import pretty

IN_MEMORY: Final = 5_000_000
A_PORTION: Final = 1000
MARK: Final = {
    "decision": "Decision",
    "comment": "Comment",
    "by": "Decided by",
    "realm": "Realm",
    "at": "Decided at",
    "own": "Own account",
}
PROOF: Final = ("State at download", "Done since: what", "Done since: by", "Done since: at", "Done since: event")
CHECKING: Final = """\
How to check this yourself: sha256sum list.ndjson decisions.ndjson
list.ndjson is the frozen list, decisions.ndjson the list with what was decided; decisions.csv is for reading.
The hash of the decisions also stands in the audit trail, in the event that is named above; nobody can change it there.
"""


def packed(client: PersonClient, review: Review) -> IO[bytes]:
    """The archive, ready to be read; a large one is on disk."""
    file = cast("IO[bytes]", SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  # the response closes it
    reviews.refresh()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "decisions.csv", _csv(client, review))
        _write(archive, "decisions.ndjson", (item.decision_line() for item in reviews.all_items(review.id)))
        _write(archive, "list.ndjson", (item.row_line() for item in reviews.all_items(review.id)))
        _write(archive, "completeness.txt", [_completeness(review).encode()])
    file.seek(0)
    return file


def _write(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        for part in parts:
            member.write(part)


def _csv(client: PersonClient, review: Review) -> Iterator[bytes]:
    """Every item, with what became of it. The mark at the start tells spreadsheets that it is UTF-8."""
    yield b"\xef\xbb\xbf" + _line(["Number", *COLUMNS.values(), *MARK.values(), *PROOF])
    for portion in _portions(reviews.all_items(review.id)):
        outcomes = reviews.outcomes(client, review, portion)
        yield b"".join(_line([str(item.number), *_row(item), *_mark(item), *_proof(outcomes.get(item.number))]) for item in portion)


def _portions(items: Iterator[Item]) -> Iterator[list[Item]]:
    portion: list[Item] = []
    for item in items:
        portion.append(item)
        if len(portion) == A_PORTION:
            yield portion
            portion = []
    yield portion


def _row(item: Item) -> list[str]:
    return [NO_INFORMATION if item.row[name] is None else _text(item.row[name]) for name in COLUMNS]


def _mark(item: Item) -> list[str]:
    return [_text(getattr(item.mark, name)) for name in MARK] if item.mark else ["open", *[""] * (len(MARK) - 1)]


def _proof(outcome: Outcome | None) -> list[str]:
    if outcome is None:
        return [""] * len(PROOF)
    event = next(iter(outcome.events), None)
    done = (
        [f"{event.action}: {event.outcome}", event.actor.username, _text(event.moment), event.id]
        if event
        else [NO_INFORMATION, "", "", ""]
    )
    return [outcome.state, *done]


def _text(value: Any) -> str:
    """A value as a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value == {} else pretty(value)


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([guarded(cell) for cell in cells])
    return out.getvalue().encode()


def _completeness(review: Review) -> str:
    facts: dict[str, object] = {"Review": review.title, "Id": review.id, "State": review.state}
    if block := review.completeness:
        facts |= {
            "List taken at (UTC)": block.generated_at,
            "Taken by": block.by,
            "Cluster": f"{block.cluster} ({block.cluster_id})",
            "Filter": block.filter,
            "Rows": block.rows,
            "Elasticsearch's own total": block.total,
            "SHA-256 of list.ndjson": block.sha256,
        }
    if signed := review.sign_off:
        facts |= {
            "Signed off by": f"{signed.by} (realm {signed.realm})",
            "Signed off at (UTC)": signed.at,
            **{f"Decided to {decision}": count for decision, count in signed.counts.items()},
            "SHA-256 of decisions.ndjson": signed.sha256,
            "Event of the audit trail": signed.event,
        }
    return "".join(f"{name}: {value}\n" for name, value in facts.items()) + "\n" + CHECKING
