"""Reading and writing the documents of jobs (`usermgmt-jobs`), with the API key of usermgmt."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, get_args

from accounts.services import errors
from accounts.services.client import service_client
from accounts.services.documents import indices, signing
from accounts.services.documents import store as documents_store
from accounts.services.documents.store import Version
from accounts.services.jobs.records import PURPOSE, Counts, Job, Result, State, Step

INDEX: Final[dict[str, Any]] = {"index": indices.JOBS, "ignore_unavailable": True}
MAX_JOBS: Final = 50
BATCH_SIZE: Final = 1000
MAX_REASONS: Final = 50
MAX_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class StepQuery:
    """Steps after (or before) a number, in a state; `by_time`: those first that were begun first."""

    state: str = ""
    after: int = 0
    before: int = 0
    size: int = 50
    by_time: bool = False


def get(id: str) -> Job:
    """A job, as it is now. Raises JobNotFound."""
    document = documents_store.get(indices.JOBS, id)
    if document is None or document["_source"].get("kind") != "job":
        raise errors.JobNotFound(id)
    return Job.of(document)


def write(job: Job) -> Job:
    """Store it over the version that was read, or as a new one. Raises JobNotAuthentic, Conflict, OutcomeUnknown.

    A lost response alone is no error: the document that is there then shows whether it was written.
    """
    if not job.is_authentic:
        raise errors.JobNotAuthentic(f"the job {job.id} has no valid signature")
    document = job.document()
    try:
        version = documents_store.put(indices.JOBS, job.id, document, job.version)
    except errors.OutcomeUnknown:
        found = documents_store.get(indices.JOBS, job.id)
        if found is None or found["_source"].get(signing.SIGNATURE) != document[signing.SIGNATURE]:
            raise
        version = Version.of(found)
    return replace(job, version=version)


def create(job: Job) -> Job:
    """Store a new job, and delete the oldest that aren't being carried out. Raises Unavailable."""
    job = write(job)
    for old in all_jobs()[MAX_JOBS:]:
        if old.state not in ("running", "paused"):
            delete(old)
    return job


def require(id: str, states: Sequence[State]) -> Job:
    """A job that is in one of the states. Raises JobNotFound, JobNotAuthentic, JobStateChanged."""
    job = get(id)
    require_authentic(job)
    if job.state not in states:
        raise errors.JobStateChanged(f"the job {id} is {job.state}")
    return job


def require_authentic(job: Job, steps: Sequence[Step] = ()) -> None:
    """Raises JobNotAuthentic unless the job and these steps are as usermgmt stored them."""
    if job.is_refused:
        raise errors.JobNotAuthentic(f"the job {job.id} or a part of it has no valid signature")
    _require_authentic(steps)


def _require_authentic(steps: Sequence[Step]) -> None:
    forged = [step.id for step in steps if not step.is_authentic]
    if forged:
        raise errors.JobNotAuthentic(f"{len(forged)} steps have no valid signature, such as {forged[0]}")


def update(id: str, states: Sequence[State], change: Callable[[Job], Job]) -> Job:
    """Change a job that is in one of the states, also while a process writes its progress. Raises what `require` raises."""
    for _ in range(MAX_TRIES):
        try:
            return write(change(require(id, states)))
        except errors.JobStateChanged:  # a kind of Conflict
            raise
        except errors.Conflict:
            continue
    raise errors.Unavailable(f"the job {id} is being changed all the time")


def all_jobs() -> list[Job]:
    """The newest jobs, newest first, without the usernames that were selected."""
    refresh()
    answer = service_client().search(
        **INDEX,
        query={"term": {"kind": "job"}},
        sort=[{"created": {"order": "desc", "unmapped_type": "date"}}],
        size=2 * MAX_JOBS,
        source_excludes=["usernames"],
    )
    return [Job.of(hit) for hit in answer["hits"]["hits"]]


def delete(job: Job) -> None:
    """Delete a job, its steps, and its lines."""
    documents_store.delete(indices.JOBS, job.id)
    delete_parts(job.id)


def delete_finished(job: Job) -> None:
    """The same, unless it was changed since it was read, for example retried. Raises Conflict, Unavailable."""
    documents_store.delete(indices.JOBS, job.id, job.version)
    delete_parts(job.id)


def delete_parts(job_id: str) -> None:
    """Delete the steps and lines of a job. Raises Unavailable when one couldn't be deleted."""
    documents_store.delete_matching(indices.JOBS, _parts(job_id))


def count_parts(job_id: str) -> int:
    """How many steps and lines a job has."""
    return documents_store.count_matching(indices.JOBS, _parts(job_id))


def deleted_with_parts() -> list[str]:
    """IDs of deleted jobs that still have steps or lines, because a process was killed."""
    return documents_store.missing_owners(indices.JOBS, "job", {"terms": {"kind": ["step", "line"]}})


def finished_before(moment: datetime) -> list[Job]:
    """The jobs that ended before then, the oldest first; call `refresh` first."""
    filters = [{"term": {"kind": "job"}}, {"term": {"state": "finished"}}, {"range": {"created": {"lt": moment.isoformat()}}}]
    answer = service_client().search(
        **INDEX,
        query={"bool": {"filter": filters}},
        sort=[{"created": {"order": "asc", "unmapped_type": "date"}}],
        size=10 * BATCH_SIZE,
        source_excludes=["usernames"],
        seq_no_primary_term=True,
    )
    return [job for job in map(Job.of, answer["hits"]["hits"]) if job.finished and job.finished < moment]


def _parts(job_id: str) -> dict[str, Any]:
    return {"term": {"job": job_id}}


def refresh() -> None:
    """Make everything that was written so far visible to searches. Raises NotSetUp without the privileges for the index."""
    try:
        service_client().indices.refresh(index=indices.JOBS)  # with `ignore_unavailable`, it would be taken for an empty one
    except errors.IndexNotFound:
        pass


def create_lines(job_id: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """The lines of an import, numbered from 1. Raises Unavailable when one couldn't be written."""
    for start in range(0, len(lines), BATCH_SIZE):
        operations: list[Mapping[str, Any]] = []
        for number, line in enumerate(lines[start : start + BATCH_SIZE], start=start + 1):
            id = f"{job_id}-line-{number}"
            document = {"kind": "line", "job": job_id, "number": number, **line}
            operations += [{"create": {"_index": indices.JOBS, "_id": id}}, signing.signed(PURPOSE, id, document)]
        documents_store.require_status(documents_store.bulk(operations), (HTTPStatus.CREATED,))


def lines(job: Job, after: int, size: int) -> list[Mapping[str, Any]]:
    """Some lines of an import, in the order of their numbers; call `refresh` first. Raises JobNotAuthentic."""
    filters = [{"term": {"job": job.id}}, {"term": {"kind": "line"}}, {"range": {"number": {"gt": after}}}]
    answer = service_client().search(
        **INDEX, query={"bool": {"filter": filters}}, sort=[{"number": {"order": "asc", "unmapped_type": "integer"}}], size=size
    )
    hits = answer["hits"]["hits"]
    if not all(signing.is_authentic(PURPOSE, hit["_id"], hit["_source"]) for hit in hits):
        raise errors.JobNotAuthentic(f"a line of the job {job.id} has no valid signature")
    return [hit["_source"] for hit in hits]


def delete_lines(job: Job) -> None:
    """Delete the lines of an import, whose steps have what is still needed."""
    if job.action == "import":
        lines = [{"term": {"job": job.id}}, {"term": {"kind": "line"}}]
        documents_store.delete_matching(indices.JOBS, {"bool": {"filter": lines}})


def create_steps(steps: Sequence[Step]) -> None:
    """Raises Unavailable when one couldn't be written."""
    operations: list[Mapping[str, Any]] = []
    for step in steps:
        operations += [{"create": {"_index": indices.JOBS, "_id": step.id}}, step.document()]
    documents_store.require_status(documents_store.bulk(operations), (HTTPStatus.CREATED,))


def put_steps(steps: Sequence[Step]) -> list[Step]:
    """Write steps over the versions that were read; returns those that no other process has written since.

    Raises JobNotAuthentic, and writes none, if one of them wasn't as usermgmt stored it: writing signs them.
    """
    _require_authentic(steps)
    return [step for first in range(0, len(steps), BATCH_SIZE) for step in _put_batch(steps[first : first + BATCH_SIZE])]


def _put_batch(steps: Sequence[Step]) -> list[Step]:
    operations: list[Mapping[str, Any]] = []
    for step in steps:
        condition = step.version.condition() if step.version else {}
        operations += [{"index": {"_index": indices.JOBS, "_id": step.id, **condition}}, step.document()]
    results = documents_store.bulk(operations)
    documents_store.require_status(results, (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT))
    return [
        replace(step, version=Version.of(result))
        for step, result in zip(steps, results, strict=True)
        if result["status"] != HTTPStatus.CONFLICT
    ]


def steps(job: Job, query: StepQuery) -> list[Step]:
    """Some steps, in the order of their numbers unless `by_time`; call `refresh` first."""
    backwards = bool(query.before)
    by_number = {"number": {"order": "desc" if backwards else "asc", "unmapped_type": "integer"}}
    by_time: dict[str, Any] = {"begun": {"order": "asc", "unmapped_type": "date"}}
    answer = service_client().search(
        **INDEX,
        query={"bool": {"filter": _filters(job, query)}},
        sort=[by_time, by_number] if query.by_time else [by_number],
        size=query.size,
        seq_no_primary_term=True,
        track_total_hits=False,
    )
    found = [Step.of(hit) for hit in answer["hits"]["hits"]]
    return found[::-1] if backwards else found


def all_steps(job: Job, state: str = "", after: int = 0) -> Iterator[Step]:
    """Every step after that number, in the order of the numbers, read in batches; call `refresh` first."""
    while batch := steps(job, StepQuery(state, after=after, size=BATCH_SIZE)):
        yield from batch
        if batch[-1].number <= after:  # a damaged one has several numbers
            raise errors.JobNotAuthentic(f"a step of the job {job.id} is damaged")
        after = batch[-1].number


def counts(job: Job) -> Counts:
    """Call `refresh` first."""
    return counts_of([job])[job.id]


def counts_of(jobs: Sequence[Job]) -> dict[str, Counts]:
    """Of each of the jobs, in one call."""
    aggregations = {
        str(number): {
            "filter": {"bool": {"filter": _filters(job, StepQuery())}},
            "aggs": {
                "states": {"terms": {"field": "state"}},
                "skipped": {
                    "filter": {"term": {"state": "skipped"}},
                    "aggs": {"reasons": {"terms": {"field": "reason", "size": MAX_REASONS}}},
                },
            },
        }
        for number, job in enumerate(jobs)  # the ID of a document of another program may be no name
    }
    found = service_client().search(**INDEX, size=0, aggs=aggregations or None).get("aggregations", {})
    return {job.id: _counts(found[str(number)]) if str(number) in found else Counts() for number, job in enumerate(jobs)}


def _counts(found: Mapping[str, Any]) -> Counts:
    states: Counter[str] = Counter()
    for bucket in found["states"]["buckets"]:
        states[bucket["key"] if bucket["key"] in get_args(Result) else "skipped"] += bucket["doc_count"]
    reasons = {bucket["key"]: bucket["doc_count"] for bucket in found["skipped"]["reasons"]["buckets"]}
    return Counts(**states, reasons=reasons)


def _filters(job: Job, query: StepQuery) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = [{"term": {"job": job.id}}, {"terms": {"part": list(job.parts)}}]
    if query.state:
        filters.append({"term": {"state": query.state}})
    if query.after or query.before:
        filters.append({"range": {"number": {"lt": query.before} if query.before else {"gt": query.after}}})
    return filters
