"""The steps of a run. Each call of `advance` runs one batch of one or two seconds, with the operator's own credentials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from django.utils import timezone

from accounts.services import api_keys, audit, errors, realms, roles
from accounts.services.api_keys import pages as key_pages
from accounts.services.audit.actions import action_label
from accounts.services.client import PersonClient
from accounts.services.documents import batches
from accounts.services.findings import (
    anonymous,
    changed_roles,
    duplicates,
    key_rules,
    role_mappings,
    rows,
    rules,
    runs,
    service_tokens,
    user_pages,
)
from accounts.services.findings.catalogue import CATALOGUE
from accounts.services.findings.key_rules import KeyContext
from accounts.services.findings.rows import Row
from accounts.services.findings.runs import COMPARED_ROLES, STEPS, Run, Step
from accounts.services.users.administrators import Administration

PAGES_PER_BATCH: Final = 8  # of 1,000 users or keys
MAX_COMPARED: Final = 20_000  # rows of two runs; after that, the next finding waits for the next batch
STATE: Final = "state"  # the series with what `duplicates` needs


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch found, and the run after it."""

    run: Run
    found: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    state: Sequence[Any] = ()


def advance(client: PersonClient, id: str) -> Run:
    """Run the next batch, unless the run is finished or claimed; returns the run as it is then.

    Raises NotFound, AccessDenied without `read_security`, AuditUnavailable, Unavailable; the run then stays as it was.
    """
    run = runs.get(id)
    if run.finished:
        return run
    stored: list[tuple[str, list[rows.Chunk]]] = []

    def do(claimed: Run) -> Run:
        try:
            batch = BATCHES[claimed.step](client, claimed)
        except errors.DocumentDamaged:  # the previous run or its rows: without it, this one can end
            batch = BATCHES[claimed.step](client, replace(claimed, previous=""))
        stored.extend([*rows.save(batch.found).items(), *rows.save_state(STATE, batch.state).items()])
        return _with_rows(batch.run, stored)

    done = batches.next_batch(run, runs.write, do)
    if done is None:
        rows.delete(chain.from_iterable(more for _, more in stored))
    return done or runs.get(id)


def _with_rows(run: Run, stored: Sequence[tuple[str, list[rows.Chunk]]]) -> Run:
    chunks = dict(run.chunks)
    for name, more in stored:
        if more:
            chunks[name] = [*chunks.get(name, []), *more]
    return replace(run, chunks=chunks)


def _next(run: Run, **changes: Any) -> Run:
    step: Step = STEPS[STEPS.index(run.step) + 1]
    return replace(run, step=step, after=None, **changes)


def _advanced(run: Run, what: str, count: int, total: int, after: list[Any] | None) -> Run:
    """The run after `count` more users or keys were read, of `total`; without `after`, at the next step."""
    read = {**run.read, what: run.read.get(what, 0) + count}
    further = replace(run, after=after, read=read, totals={**run.totals, what: total})
    return further if after else _next(further)


def _users(client: PersonClient, run: Run) -> Batch:
    trail_start = audit.trail_start()
    pages = list(user_pages.pages(client, run.after[0] if run.after else "", PAGES_PER_BATCH))
    administration = user_pages.administration(client)
    found: dict[str, list[Any]] = {}
    if not run.after:
        run, of_roles = _roles(client, run, administration)
        found = {**anonymous.find(client), **role_mappings.find(client), **service_tokens.find(client), **of_roles}
    for page in pages:
        context = user_pages.context(client, page, administration, trail_start)
        for slug, row in (pair for user in page.users for pair in rules.of_user(user, context)):
            found.setdefault(slug, []).append(row)
    all_users = [user for page in pages for user in page.users]
    after = [pages[-1].after] if pages[-1].after else None
    return Batch(_advanced(run, "users", len(all_users), pages[-1].total, after), found, duplicates.collect(all_users))


def _roles(client: PersonClient, run: Run, administration: Administration) -> tuple[Run, dict[str, list[Any]]]:
    """The roles to store, and those that grant more than in the previous run, if it has its roles. Up to three calls."""
    known = roles.all_details(client)
    found: dict[str, list[Any]] = {changed_roles.STORED: changed_roles.collect(known)}
    previous = _previous(run)
    before = changed_roles.stored(previous) if previous else {}
    if previous and before:
        run = replace(run, read={**run.read, COMPARED_ROLES: len(before)})
        found[changed_roles.SLUG] = list(changed_roles.find(before, previous.started, known, administration.escalations))
    return run, found


def _keys(client: PersonClient, run: Run) -> Batch:
    count, total, after = 0, 0, None
    known = _realms(client)
    found: dict[str, list[Row]] = {}
    if known is None and not run.after:
        found["keys-of-missing-realms"] = key_rules.of_unknown_realms(api_keys.active_realms(client))
    for page in key_pages.pages(client, run.after, PAGES_PER_BATCH):
        context = KeyContext(api_keys.load_owners(client, page.keys), timezone.now(), known)
        for slug, row in (pair for key in page.keys for pair in key_rules.of_key(key, context)):
            found.setdefault(slug, []).append(row)
        count, total, after = count + len(page.keys), page.total, page.after
    return Batch(_advanced(run, "keys", count, total, after), found)


def _realms(client: PersonClient) -> frozenset[str] | None:
    """The names of the realms that a node has; None without the cluster privilege `monitor`."""
    try:
        return frozenset(realm.name for realm in realms.configured(client)).union(key_rules.DEFAULT_REALMS)
    except errors.AccessDenied:
        return None


def _duplicates(client: PersonClient, run: Run) -> Batch:
    return Batch(_next(run), duplicates.find(run.chunks.get(STATE, [])))


def _changes(client: PersonClient, run: Run) -> Batch:
    page = audit.search(audit.Query(outcome="unknown", size=200))
    return Batch(_next(run), {"unknown-outcomes": [_change(event) for event in page.events]})


def _change(event: audit.Event) -> Row:
    details = f"{action_label(event.action)} by {event.actor.username} on {event.moment:%Y-%m-%d %H:%M} UTC."
    return Row(event.id, event.target, "", details, badges=() if event.kind == "user" else (event.kind,), ref=event.id)


def _compare(client: PersonClient, run: Run) -> Batch:
    """New and resolved findings since the previous run, some checks per batch; then the run ends."""
    previous = _previous(run)
    if not previous:
        return _end(client, replace(run, previous=""), {}, None)
    found: dict[str, Sequence[Row]] = {}
    read = 0
    for index in range(run.after[0] if run.after else 0, len(CATALOGUE)):
        if read > MAX_COMPARED:
            return Batch(replace(run, after=[index]), found)
        slug = CATALOGUE[index].slug
        if CATALOGUE[index].is_comparison or not previous.has_checked(CATALOGUE[index]):
            continue
        found |= _difference(slug, previous, run)
        read += previous.count(slug) + run.count(slug)
    return _end(client, run, found, previous)


def _end(client: PersonClient, run: Run, found: Mapping[str, Sequence[Row]], previous: Run | None) -> Batch:
    """The event is recorded before the result is shown."""
    counts = {finding.slug: str(run.count(finding.slug)) for finding in CATALOGUE}
    read = {name: str(count) for name, count in run.read.items()}
    audit.record_event(client.actor, audit.Action.FINDING_RUN, run.id, kind="finding", details={**read, **counts})
    rows.delete(run.chunks.get(STATE, []))
    runs.prune()
    added = [finding for finding in CATALOGUE if finding.added_in]
    compared = [finding for finding in added if previous and previous.has_checked(finding)]
    names = [*(finding.slug for finding in added), *(f"new:{finding.slug}" for finding in compared)]
    chunks = {name: ids for name, ids in run.chunks.items() if name != STATE}
    chunks |= {name: chunks.get(name, []) for name in names}
    return Batch(_next(run, chunks=chunks, finished=timezone.now(), finished_by=client.actor.username), found)


def _previous(run: Run) -> Run | None:
    try:
        return runs.get(run.previous) if run.previous else None
    except errors.NotFound:
        return None


def _difference(slug: str, previous: Run, run: Run) -> dict[str, list[Row]]:
    old = {row.key for row in rows.read(previous.chunks.get(slug, []))}
    new = {row.key for row in rows.read(run.chunks.get(slug, []))}
    return {
        f"new:{slug}": [row for row in rows.read(run.chunks.get(slug, [])) if row.key not in old],
        f"resolved:{slug}": [row for row in rows.read(previous.chunks.get(slug, [])) if row.key not in new],
    }


BATCHES: Final[Mapping[Step, Callable[[PersonClient, Run], Batch]]] = {
    "users": _users,
    "keys": _keys,
    "duplicates": _duplicates,
    "changes": _changes,
    "compare": _compare,
}
