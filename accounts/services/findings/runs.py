"""The document of a run. Of two processes that finish the same batch, one is too late, and its rows are deleted."""

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services import errors
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import damage, indices, store
from accounts.services.documents.batches import Claimable
from accounts.services.documents.store import Version, known_fields
from accounts.services.findings import rows
from accounts.services.findings.catalogue import Finding
from accounts.services.findings.rows import Chunk

Step = Literal["users", "keys", "duplicates", "changes", "compare", "done"]
STEPS: Final[tuple[Step, ...]] = ("users", "keys", "duplicates", "changes", "compare", "done")
# After that, what was read first is too old for what would be read now: start again.
RESUMABLE_FOR: Final = timedelta(hours=1)
MAX_RUNS: Final = 10
COMPARED_ROLES: Final = "compared_roles"  # in `read`: how many roles of the previous run there were to compare with


@dataclass(frozen=True)
class Run(Claimable):
    """One run. `chunks`: the rows by finding; with `new:` and `resolved:` before its slug, those since the previous run.

    `chunks` also has what the roles grant, for the next run to compare, and all checks that earlier versions don't have, also those
    that found nothing.
    """

    id: str
    started: datetime
    started_by: str
    step: Step = "users"
    after: list[Any] | None = None
    read: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    chunks: Mapping[str, list[Chunk]] = field(default_factory=dict)
    previous: str = ""
    finished: datetime | None = None
    finished_by: str = ""
    version: Version | None = field(default=None, compare=False)

    @classmethod
    @damage.checked
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the answer to a get or a hit of a search."""
        source = known_fields(cls, document["_source"])
        for name in ("started", "finished", "claimed_until"):
            source[name] = datetime.fromisoformat(source[name]) if source.get(name) else None
        source["chunks"] = {name: [(id, count) for id, count in chunks] for name, chunks in source.get("chunks", {}).items()}
        return cls(id=document["_id"], version=Version.known(document), **source)

    def body(self) -> dict[str, Any]:
        moments = {"started": self.started, "finished": self.finished, "claimed_until": self.claimed_until}
        rest = ("started_by", "step", "after", "read", "totals", "chunks", "previous", "finished_by")
        texts = {name: moment.isoformat() if moment else None for name, moment in moments.items()}
        return {"kind": "run", **{name: getattr(self, name) for name in rest}, **texts}

    @property
    def is_resumable(self) -> bool:
        """Whether it is in progress, and recent enough to be resumed."""
        return self.finished is None and timezone.now() - self.started < RESUMABLE_FOR

    @property
    def percent(self) -> int:
        """The progress; reading users takes most of the time."""
        if self.step != "users":
            return 90 + 2 * STEPS.index(self.step)
        return 90 * self.read.get("users", 0) // max(1, self.totals.get("users", 0))

    @property
    def step_label(self) -> str:
        if self.step == "users":
            done, total = self.read.get("users", 0), self.totals.get("users", 0)
            return f"Reading users: {done:,} of {total:,}" if total else "Reading users"
        return {
            "keys": "Reading API keys",
            "duplicates": "Comparing names and email addresses",
            "changes": "Reading the audit trail",
            "compare": "Comparing with the previous run",
            "done": "Done",
        }[self.step]

    @property
    def has_compared_roles(self) -> bool:
        """Whether the previous run stored its roles; the first one, and those of earlier versions, didn't."""
        return COMPARED_ROLES in self.read

    def has_checked(self, finding: Finding) -> bool:
        """Whether the check was part of the run."""
        return finding.slug in self.chunks or not finding.added_in

    def has_compared(self, finding: Finding) -> bool:
        """Whether it was part of the previous run, too."""
        return f"new:{finding.slug}" in self.chunks or not finding.added_in

    def count(self, name: str) -> int:
        return sum(count for _, count in self.chunks.get(name, []))


def start(client: PersonClient) -> Run:
    """A new run, or the active one. Raises Unavailable."""
    known = history()
    if known and known[0].is_resumable and (active := first_readable(known[:1])):
        return active
    previous = first_readable(run for run in known if run.finished)
    run = Run(uuid.uuid4().hex, timezone.now(), client.actor.username, previous=previous.id if previous else "")
    store.put(indices.FINDINGS, run.id, run.body(), None, refresh=True)
    return run


def get(id: str) -> Run:
    """One run. Raises NotFound."""
    return Run.of(service_client().get(index=indices.FINDINGS, id=id).body)


def latest() -> Run | None:
    """The latest finished run. Two calls."""
    return first_readable(run for run in history() if run.finished)


def first_readable(found: Iterable[Run]) -> Run | None:
    """The first of these runs of which another program hasn't changed which rows belong to it, with that. One call, as a rule."""
    for run in found:
        with suppress(errors.DocumentDamaged):
            return get(run.id)
    return None


def history() -> list[Run]:
    """The stored runs, newest first, without their rows. The progress of an active run may be a second old."""
    return _history(source_excludes=["chunks"])[0]


def history_and_damaged() -> tuple[list[Run], list[str]]:
    """The same with which rows belong to them, and the IDs of runs that can't be read, because another program has written them."""
    return _history()


def _history(**options: Any) -> tuple[list[Run], list[str]]:
    found = service_client().search(
        index=indices.FINDINGS,
        query={"term": {"kind": "run"}},
        sort=[{"started": {"order": "desc", "unmapped_type": "date"}}],
        size=10 * MAX_RUNS,
        ignore_unavailable=True,
        **options,
    )
    return damage.readable(Run.of, found["hits"]["hits"])


def write(run: Run) -> Run:
    """Store it over the version that was read; a finished one can be found at once. Raises Conflict, Unavailable."""
    try:
        version = store.put(indices.FINDINGS, run.id, run.body(), run.version, refresh=run.finished is not None)
    except errors.OutcomeUnknown as exc:  # only our own document: the next read shows which version it has
        raise errors.Unavailable(str(exc)) from None
    return replace(run, version=version)


def deletable_before(moment: datetime) -> list[Run]:
    """The runs that ended before then, the oldest first; one that was abandoned ended when it started.

    Not the latest finished one, with which the next run is compared, and the one that it was compared with.
    """
    service_client().indices.refresh(index=indices.FINDINGS, ignore_unavailable=True)
    known = history()
    finished = next((run for run in known if run.finished), None)
    needed = (finished.id, finished.previous) if finished else ()
    return [run for run in reversed(known) if run.id not in needed and (run.finished or run.started) < moment]


def count_documents(run: Run) -> int:
    """How many documents a run has, itself included."""
    return len(_documents(run))


def delete(run: Run) -> None:
    """Raises Unavailable when a document couldn't be deleted."""
    rows.delete_all(_documents(run))


def prune() -> None:
    """Delete all but the newest runs."""
    for run in history()[MAX_RUNS:]:
        rows.delete(_documents(run))


def _documents(run: Run) -> list[Chunk]:
    """Those of the run, itself the last one; only itself if another program has changed which belong to it."""
    try:
        chunks = get(run.id).chunks
    except errors.DocumentDamaged:
        chunks = {}
    return [*chain.from_iterable(chunks.values()), (run.id, 0)]
