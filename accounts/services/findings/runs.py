"""The document of a run, and how several people and processes work at one without doing anything twice.

Whoever reads the next portion claims the run for a moment first, so that others wait; the claim of a process that was killed ends
by itself. The version of the document decides: of two who finish the same portion one is too late, and its rows belong to nobody.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services import errors
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import indices, store
from accounts.services.documents.store import Version
from accounts.services.findings import rows
from accounts.services.findings.rows import Chunk

Step = Literal["users", "keys", "twins", "changes", "compare", "done"]
STEPS: Final[tuple[Step, ...]] = ("users", "keys", "twins", "changes", "compare", "done")
# How long others wait for a portion; longer than one takes.
CLAIMED_FOR: Final = timedelta(seconds=15)
# What was read longer ago does not fit what is read now: begin anew.
RESUMABLE_FOR: Final = timedelta(hours=1)
MAX_RUNS: Final = 10


@dataclass(frozen=True)
class Run:
    """One run. `chunks`: what was found, by finding; `new:` and `gone:` before a finding's name since the run before."""

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
    claimed_until: datetime | None = None
    version: Version | None = field(default=None, compare=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """As a get or a search returns it."""
        source = {name: value for name, value in document["_source"].items() if name != "kind"}
        for name in ("started", "finished", "claimed_until"):
            source[name] = datetime.fromisoformat(source[name]) if source.get(name) else None
        source["chunks"] = {name: [(id, count) for id, count in chunks] for name, chunks in source.get("chunks", {}).items()}
        version = Version.of(document) if "_seq_no" in document else None
        return cls(id=document["_id"], version=version, **source)

    def body(self) -> dict[str, Any]:
        """As it is kept."""
        moments = {"started": self.started, "finished": self.finished, "claimed_until": self.claimed_until}
        rest = ("started_by", "step", "after", "read", "totals", "chunks", "previous", "finished_by")
        texts = {name: moment.isoformat() if moment else None for name, moment in moments.items()}
        return {"kind": "run", **{name: getattr(self, name) for name in rest}, **texts}

    @property
    def is_claimed(self) -> bool:
        """Whether somebody is reading a portion at this moment."""
        return self.claimed_until is not None and self.claimed_until > timezone.now()

    @property
    def is_resumable(self) -> bool:
        """Whether it is under way, and not for too long."""
        return self.finished is None and timezone.now() - self.started < RESUMABLE_FOR

    @property
    def percent(self) -> int:
        """How far it is; the users are by far the most of it."""
        if self.step != "users":
            return 90 + 2 * STEPS.index(self.step)
        return 90 * self.read.get("users", 0) // max(1, self.totals.get("users", 0))

    @property
    def words(self) -> str:
        """What is being done, in words."""
        if self.step == "users":
            done, total = self.read.get("users", 0), self.totals.get("users", 0)
            return f"Reading users: {done:,} of {total:,}" if total else "Reading users"
        return {
            "keys": "Reading API keys",
            "twins": "Comparing names and email addresses",
            "changes": "Reading the audit trail",
            "compare": "Comparing with the run before",
            "done": "Done",
        }[self.step]

    def count(self, name: str) -> int:
        """How many rows a series has."""
        return sum(count for _, count in self.chunks.get(name, []))


def start(client: PersonClient) -> Run:
    """A new run, or the one that is under way. Raises Unavailable."""
    known = history()
    if known and known[0].is_resumable:
        return get(known[0].id)
    previous = next((run.id for run in known if run.finished), "")
    run = Run(uuid.uuid4().hex, timezone.now(), client.actor.username, previous=previous)
    store.put(indices.FINDINGS, run.id, run.body(), None, refresh=True)
    return run


def get(id: str) -> Run:
    """One run, as it is now. Raises NotFound."""
    return Run.of(service_client().get(index=indices.FINDINGS, id=id).body)


def history() -> list[Run]:
    """The runs that are kept, newest first, without what they found; one under way may be further on by now."""
    found = service_client().search(
        index=indices.FINDINGS,
        query={"term": {"kind": "run"}},
        sort=[{"started": {"order": "desc", "unmapped_type": "date"}}],
        size=10 * MAX_RUNS,
        source_excludes=["chunks"],
        ignore_unavailable=True,
    )
    return [Run.of(hit) for hit in found["hits"]["hits"]]


def claim(run: Run) -> Run | None:
    """The run, for oneself for a moment; None when somebody else has it. Raises Unavailable."""
    if run.is_claimed:
        return None
    try:
        return write(replace(run, claimed_until=timezone.now() + CLAIMED_FOR))
    except errors.Conflict:
        return None


def write(run: Run, *, refresh: bool = False) -> Run:
    """Keep it, unless it is another by now: raises Conflict."""
    try:
        version = store.put(indices.FINDINGS, run.id, run.body(), run.version, refresh=refresh)
    except errors.OutcomeUnknown as exc:  # of our own document alone; the next one to look sees which it is
        raise errors.Unavailable(str(exc)) from None
    return replace(run, version=version)


def prune() -> None:
    """Only the newest are kept, and whatever is under way."""
    for run in history()[MAX_RUNS:]:
        rows.delete([*chain.from_iterable(get(run.id).chunks.values()), (run.id, 0)])
