"""Deleting what is older than the retention in the settings: months of the audit trail, reviews, runs of checks, bulk changes.

The API key of usermgmt can only append to the audit trail, so its indices are deleted with the credentials of an administrator.
All else is deleted with the API key, on behalf of an administrator who could delete it. Each deletion is recorded first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from django.conf import settings
from django.utils import timezone

from accounts.services import audit, errors, findings, jobs, reviews
from accounts.services.audit.reading import READABLE_INDICES, time_of
from accounts.services.client import AdministratorClient, service_client
from accounts.services.cluster import overview
from accounts.services.documents import indices

Kind = Literal["index", "review", "finding", "job"]

NOUNS: Final[dict[Kind, str]] = {"index": "index", "review": "access review", "finding": "run of the checks", "job": "bulk change"}
MAX_INDICES: Final = 10_000
# What an administrator must be allowed to do, by the setting that makes it necessary.
PRIVILEGES: Final[Mapping[str, tuple[str, str]]] = {
    "AUDIT_RETENTION": (indices.AUDIT_PATTERN, "delete_index"),
    "REVIEWS_RETENTION": (indices.REVIEWS, "delete"),
    "FINDINGS_RETENTION": (indices.FINDINGS, "delete"),
    "JOBS_RETENTION": (indices.JOBS, "delete"),
}


@dataclass(frozen=True)
class OldRecords:
    """What is deleted at once. `name`: in words, or "". `documents`, `first`, `last`: None if they aren't known."""

    kind: Kind
    id: str
    name: str
    retention: timedelta
    delete: Callable[[], object] = field(repr=False)
    documents: int | None = None
    first: datetime | None = None
    last: datetime | None = None

    @property
    def target(self) -> str:
        """As other events have it."""
        return self.name if self.kind == "job" and self.name else self.id

    @property
    def details(self) -> dict[str, str]:
        """For the audit trail, whose gap they explain."""
        found = {
            "job" if self.kind == "job" else "name": self.id if self.kind == "job" else self.name,
            "first": self.first.isoformat(timespec="seconds") if self.first else "",
            "last": self.last.isoformat(timespec="seconds") if self.last else "",
            "documents": "" if self.documents is None else str(self.documents),
            "retention_days": str(self.retention.days),
        }
        return {name: text for name, text in found.items() if text}

    def __str__(self) -> str:
        what = f"{NOUNS[self.kind]} {self.name} ({self.id})" if self.name else f"{NOUNS[self.kind]} {self.id}"
        documents = "number of documents unknown" if self.documents is None else f"{self.documents:,} documents"
        return f"{what}, {documents}" + (f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else "")


def is_configured() -> bool:
    """Whether anything is to be deleted at some time."""
    return any(_retention(name) for name in PRIVILEGES)


def require_privileges(administrator: AdministratorClient) -> None:
    """Raise AccessDenied unless this user may delete everything that has a retention. One call."""
    needed = [
        {"names": [name], "privileges": [privilege]} for setting, (name, privilege) in PRIVILEGES.items() if _retention(setting)
    ]
    found = administrator.security.has_privileges(index=needed).body["index"]
    missing = [
        f"{privilege} on {name}" for name, held in sorted(found.items()) for privilege, is_held in held.items() if not is_held
    ]
    if missing:
        raise errors.AccessDenied(f"missing index privileges: {', '.join(missing)}")


def old_records(administrator: AdministratorClient) -> list[OldRecords]:
    """Everything that is older than its retention, the oldest of each kind first. Raises Unavailable and NotSetUp."""
    now = _now()
    sources: dict[str, Callable[[datetime, timedelta], Iterable[OldRecords]]] = {
        "AUDIT_RETENTION": partial(_months, administrator),
        "REVIEWS_RETENTION": _reviews,
        "FINDINGS_RETENTION": _runs,
        "JOBS_RETENTION": _jobs,
    }
    return [old for name, read in sources.items() if (retention := _retention(name)) for old in read(now - retention, retention)]


def delete(administrator: AdministratorClient, old: OldRecords) -> None:
    """Record it, then delete it. Raises AuditUnavailable, and deletes nothing, if it can't be recorded.

    Raises Conflict if it was changed since it was read, and AccessDenied, NotFound, IndexNotFound, Unavailable, OutcomeUnknown.
    """
    with audit.recorded(administrator, audit.Action.RECORDS_DELETE, old.target, kind=old.kind, details=old.details):
        old.delete()


def _retention(name: str) -> timedelta:
    """Zero: forever."""
    retention: timedelta = getattr(settings, name)
    return retention


def _now() -> datetime:
    """The earliest of the clocks of this machine and of the nodes: one that is ahead must not make anything old."""
    return timezone.now() + timedelta(seconds=min([0.0, *(clock.ahead for clock in overview.clocks())]))


def _months(administrator: AdministratorClient, before: datetime, retention: timedelta) -> Iterator[OldRecords]:
    """Whole indices. Two calls."""
    found = service_client().indices.resolve_index(name=indices.AUDIT_PATTERN, expand_wildcards="all").body["indices"]
    is_open = {each["name"]: "open" in each["attributes"] for each in found}
    contents = _contents()
    for name in sorted(name for name in is_open if indices.is_audit_month_before(name, before)):
        content = contents.get(name, (0, None, None)) if is_open[name] else (None, None, None)
        yield OldRecords("index", name, "", retention, partial(administrator.indices.delete, index=name), *content)


def _contents() -> dict[str, tuple[int, datetime | None, datetime | None]]:
    """How many documents each index of the audit trail has, and the times of the first and the last."""
    bounds = {"first": {"min": {"field": "@timestamp"}}, "last": {"max": {"field": "@timestamp"}}}
    by_index = {"indices": {"terms": {"field": "_index", "size": MAX_INDICES}, "aggs": bounds}}
    found = service_client().search(**READABLE_INDICES, size=0, aggs=by_index).get("aggregations", {})
    return {
        bucket["key"]: (bucket["doc_count"], time_of(bucket["first"]), time_of(bucket["last"]))
        for bucket in found.get("indices", {}).get("buckets", [])
    }


def _reviews(before: datetime, retention: timedelta) -> Iterator[OldRecords]:
    """Those that are signed off or whose snapshot failed, and what is left of deleted ones."""
    reviews.refresh()
    for review in reviews.ended_before(before):
        documents, delete = 1 + reviews.count_items(review.id), partial(reviews.delete, review)
        yield OldRecords("review", review.id, review.title, retention, delete, documents, review.created, review.ended)
    for id in reviews.deleted_with_items():
        yield OldRecords("review", id, "", retention, partial(reviews.delete_items, id), reviews.count_items(id))


def _runs(before: datetime, retention: timedelta) -> Iterator[OldRecords]:
    for run in findings.deletable_before(before):
        documents, delete = findings.count_documents(run), partial(findings.delete, run)
        yield OldRecords("finding", run.id, "", retention, delete, documents, run.started, run.finished or run.started)


def _jobs(before: datetime, retention: timedelta) -> Iterator[OldRecords]:
    """Those that are finished, and what is left of deleted ones."""
    jobs.refresh()
    for job in jobs.finished_before(before):
        documents, delete = 1 + jobs.count_parts(job.id), partial(jobs.delete_finished, job)
        yield OldRecords("job", job.id, job.title, retention, delete, documents, job.created, job.finished)
    for id in jobs.deleted_with_parts():
        yield OldRecords("job", id, "", retention, partial(jobs.delete_parts, id), jobs.count_parts(id))
