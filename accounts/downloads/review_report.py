"""The report of a review as one ZIP file, because a truncated one can't be opened."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from accounts.services import reviews
from accounts.services.client import PersonClient
from accounts.services.exports import NO_INFORMATION, dialect
from accounts.services.reviews import Item, Outcome, Review
from accounts.services.reviews.records import Cancellation, SignOff
from accounts.templatetags.pretty import pretty

MAX_IN_MEMORY: Final = 5_000_000  # bytes
BATCH_SIZE: Final = 1000
DECISION_COLUMNS: Final = {
    "choice": "Decision",
    "comment": "Comment",
    "by": "Decided by",
    "realm": "Realm",
    "at": "Decided at",
    "own": "Own account",
}
OUTCOME_COLUMNS: Final = ("Status at download", "Changed since the snapshot", "Action after sign-off", "By", "At", "Event")
FILES: Final = """\
list.ndjson is the snapshot, decisions.ndjson adds the decisions. decisions.csv and decisions-semicolon.csv are for reading.
"""
HOW_TO_VERIFY: Final = f"""\
How to verify: {FILES}\
Compare the output of `sha256sum list.ndjson decisions.ndjson` with the hashes above.
At the sign-off, the hash of the decisions was also added to the audit trail, in the event above, where usermgmt can't change it.
"""
CANCELED: Final = f"This review was canceled, not signed off. Its decisions prove nothing.\n{FILES}"
DRAFT: Final = f"This review isn't signed off. Its decisions can still change.\n{FILES}"


def build(client: PersonClient, review: Review) -> IO[bytes]:
    """The ZIP file at position 0; a large one is on disk. The caller closes it."""
    with ExitStack() as opened:
        file = cast("IO[bytes]", opened.enter_context(SpooledTemporaryFile(max_size=MAX_IN_MEMORY)))
        reviews.refresh()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(archive, "decisions.csv", _csv(client, review, ","))
            _write(archive, "decisions-semicolon.csv", _csv(client, review, ";"))
            _write(archive, "decisions.ndjson", (item.decision_line() for item in reviews.all_items(review.id)))
            _write(archive, "list.ndjson", (item.row_line() for item in reviews.all_items(review.id)))
            _write(archive, "completeness.txt", [_manifest(review).encode()])
        file.seek(0)
        opened.pop_all()  # without an error, the response closes it
    return file


def _write(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        for part in parts:
            member.write(part)


def _csv(client: PersonClient, review: Review, separator: str) -> Iterator[bytes]:
    head = ["Number", *review.subject.columns.values(), *DECISION_COLUMNS.values(), *OUTCOME_COLUMNS]
    yield (dialect.BOM + dialect.lines([head], separator)).encode()
    items = reviews.all_items(review.id)
    while batch := list(islice(items, BATCH_SIZE)):
        outcomes = reviews.outcomes(client, review, batch)
        yield dialect.lines((_cells(item, outcomes.get(item.number)) for item in batch), separator).encode()


def _cells(item: Item, outcome: Outcome | None) -> list[str]:
    return [str(item.number), *_row_cells(item), *_decision_cells(item), *_outcome_cells(outcome)]


def _row_cells(item: Item) -> list[str]:
    """A review of an earlier version can lack a column."""
    values = [item.row.get(name) for name in item.subject.columns]
    return [NO_INFORMATION if value is None else _text(value) for value in values]


def _decision_cells(item: Item) -> list[str]:
    if item.decision is None:
        return [reviews.PENDING, *[""] * (len(DECISION_COLUMNS) - 1)]
    label = item.subject.decisions[item.decision.choice].lower()
    return [label, *(_text(getattr(item.decision, name)) for name in list(DECISION_COLUMNS)[1:])]


def _outcome_cells(outcome: Outcome | None) -> list[str]:
    if outcome is None:
        return [""] * len(OUTCOME_COLUMNS)
    event, changed = next(iter(outcome.events), None), ", ".join(outcome.current.changed).lower()
    if event is None:
        return [outcome.state, changed, NO_INFORMATION, "", "", ""]
    return [outcome.state, changed, f"{event.action}: {event.outcome}", event.actor.username, _text(event.moment), event.id]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list):
        return dialect.join_names(value)
    return "" if value == {} else pretty(value)


def _manifest(review: Review) -> str:
    facts: dict[str, object] = {"Review": review.title, "ID": review.id, "Subject": review.subject.nouns, "State": review.state}
    if snapshot := review.snapshot:
        facts |= {
            "Snapshot created (UTC)": snapshot.generated_at,
            "Created by": snapshot.by,
            "Cluster": f"{snapshot.cluster} ({snapshot.cluster_id})",
            "Filter": snapshot.filter,
            "Rows": snapshot.rows,
            "Elasticsearch count": snapshot.total,
            "Anonymous access": snapshot.anonymous_access,
            "SHA-256 of list.ndjson": snapshot.sha256,
        }
    if signed := review.sign_off:
        facts |= {
            **_by("Signed off", signed),
            **{f"Decisions to {label.lower()}": signed.counts[choice] for choice, label in review.subject.decisions.items()},
            "SHA-256 of decisions.ndjson": signed.sha256,
            "Audit event": signed.event,
        }
    if canceled := review.cancellation:
        facts |= {
            **_by("Canceled", canceled),
            "Reason": canceled.reason,
            "Audit event": canceled.event,
        }
    end = HOW_TO_VERIFY if review.sign_off else CANCELED if review.cancellation else DRAFT
    return "".join(f"{name}: {' '.join(str(value).splitlines())}\n" for name, value in facts.items()) + "\n" + end


def _by(done: str, end: SignOff | Cancellation) -> dict[str, str]:
    """Who ended the review, and when."""
    return {f"{done} by": f"{end.by} (realm {end.realm})", f"{done} at (UTC)": end.at}
