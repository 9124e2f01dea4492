"""The steps of a run. Each call of `advance` does one portion of a second or two, with the credentials of whoever asks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.findings import duplicates, orphaned_keys, rows, rules, runs, user_pages
from accounts.services.findings.catalogue import CATALOGUE
from accounts.services.findings.rows import Row
from accounts.services.findings.runs import STEPS, Run, Step

PAGES: Final = 8  # of 1,000 users or keys, in a portion
COMPARED: Final = 20_000  # rows of two runs, after which the next finding is left to the next portion
STATE: Final = "state"  # the series that is no finding: what `twins` needs


@dataclass(frozen=True, slots=True)
class Portion:
    """What a portion found, and what is different about the run after it."""

    run: Run
    found: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    state: Sequence[Any] = ()


def advance(client: PersonClient, id: str) -> Run:
    """Do the next portion, unless the run is done or somebody else is at it; the run after it.

    Raises NotFound for a run that is gone, AccessDenied without read_security, AuditUnavailable, Unavailable; the run stays as it
    was.
    """
    run = runs.get(id)
    claimed = None if run.finished else runs.claim(run)
    if claimed is None:
        return runs.get(id)
    try:
        portion = WORK[claimed.step](client, claimed)
        stored = [rows.save(portion.found), rows.save_state(STATE, portion.state)]
    except errors.ServiceError:
        _give_back(claimed)
        raise
    return _commit(portion.run, [*stored[0].items(), *stored[1].items()])


def _commit(run: Run, stored: Sequence[tuple[str, list[rows.Chunk]]]) -> Run:
    chunks = dict(run.chunks)
    for name, more in stored:
        if more:
            chunks[name] = [*chunks.get(name, []), *more]
    try:
        return runs.write(replace(run, chunks=chunks, claimed_until=None), refresh=run.finished is not None)
    except errors.Conflict:  # it took so long that somebody else has done it
        rows.delete(chain.from_iterable(more for _, more in stored))
        return runs.get(run.id)


def _give_back(run: Run) -> None:
    with suppress(errors.ServiceError):  # it ends by itself
        runs.write(replace(run, claimed_until=None))


def _next(run: Run, **changes: Any) -> Run:
    step: Step = STEPS[STEPS.index(run.step) + 1]
    return replace(run, step=step, after=None, **changes)


def _on(run: Run, what: str, count: int, total: int, after: list[Any] | None) -> Run:
    """So many more were read, of so many; there are more after that one, or that was all."""
    read = {**run.read, what: run.read.get(what, 0) + count}
    further = replace(run, after=after, read=read, totals={**run.totals, what: total})
    return further if after else _next(further)


def _users(client: PersonClient, run: Run) -> Portion:
    """Everybody, by name."""
    begins = audit.trail_start()
    pages = list(user_pages.pages(client, run.after[0] if run.after else "", PAGES))
    found: dict[str, list[Row]] = {}
    for page in pages:
        known = user_pages.known(client, page, begins)
        for slug, row in (pair for user in page.users for pair in rules.of_user(user, known)):
            found.setdefault(slug, []).append(row)
    everybody = [user for page in pages for user in page.users]
    after = [pages[-1].after] if pages[-1].after else None
    return Portion(_on(run, "users", len(everybody), pages[-1].total, after), found, duplicates.collect(everybody))


def _keys(client: PersonClient, run: Run) -> Portion:
    """Every living API key."""
    pages = list(orphaned_keys.pages(client, run.after, PAGES))
    found = [row for page in pages for row in page.rows]
    after = _on(run, "keys", sum(page.count for page in pages), pages[-1].total, pages[-1].after)
    return Portion(after, {"orphaned-keys": found})


def _twins(client: PersonClient, run: Run) -> Portion:
    """What all users together show; what was kept for it is in nobody's way any more."""
    return Portion(_next(run), duplicates.find(run.chunks.get(STATE, [])))


def _changes(client: PersonClient, run: Run) -> Portion:
    """Changes of unknown outcome."""
    page = audit.search(audit.Query(outcome="unknown", size=200))
    return Portion(_next(run), {"unknown-outcomes": [_change(event) for event in page.events]})


def _change(event: audit.Event) -> Row:
    note = f"{event.action} by {event.actor.username} on {event.moment:%Y-%m-%d %H:%M} UTC."
    return Row(event.id, event.target, "", note, marks=() if event.kind == "user" else (event.kind,), ref=event.id)


def _compare(client: PersonClient, run: Run) -> Portion:
    """What is new and what is gone since the run before, some findings at a time; then the end."""
    before = _before(run)
    if not before:
        return _end(client, replace(run, previous=""), {})
    found: dict[str, Sequence[Row]] = {}
    read = 0
    for index in range(run.after[0] if run.after else 0, len(CATALOGUE)):
        if read > COMPARED:
            return Portion(replace(run, after=[index]), found)
        slug = CATALOGUE[index].slug
        found |= _difference(slug, before, run)
        read += before.count(slug) + run.count(slug)
    return _end(client, run, found)


def _end(client: PersonClient, run: Run, found: Mapping[str, Sequence[Row]]) -> Portion:
    """It stands in the trail before it is shown."""
    counts = {finding.slug: str(run.count(finding.slug)) for finding in CATALOGUE}
    read = {name: str(count) for name, count in run.read.items()}
    audit.record_event(client.actor, "finding-run", run.id, kind="finding", details={**read, **counts})
    rows.delete(run.chunks.get(STATE, []))
    runs.prune()
    chunks = {name: those for name, those in run.chunks.items() if name != STATE}
    return Portion(_next(run, chunks=chunks, finished=timezone.now(), finished_by=client.actor.username), found)


def _before(run: Run) -> Run | None:
    try:
        return runs.get(run.previous) if run.previous else None
    except errors.NotFound:
        return None


def _difference(slug: str, before: Run, run: Run) -> dict[str, list[Row]]:
    old = {row.key for row in rows.read(before.chunks.get(slug, []))}
    new = {row.key for row in rows.read(run.chunks.get(slug, []))}
    return {
        f"new:{slug}": [row for row in rows.read(run.chunks.get(slug, [])) if row.key not in old],
        f"gone:{slug}": [row for row in rows.read(before.chunks.get(slug, [])) if row.key not in new],
    }


WORK: Final[Mapping[Step, Callable[[PersonClient, Run], Portion]]] = {
    "users": _users,
    "keys": _keys,
    "twins": _twins,
    "changes": _changes,
    "compare": _compare,
}
