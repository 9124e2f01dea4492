"""Discarding damaged documents: those that another program wrote or changed, so that no page can show them.

They never end, so neither a retention nor a limit deletes them, and only an administrator can say that they aren't needed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from accounts.services import audit, errors, findings, jobs, reviews
from accounts.services.client import PersonClient
from accounts.services.documents import damage, indices, store
from accounts.services.documents.store import Version


@dataclass(frozen=True)
class Kind:
    """`name`: of the targets of its events. `damaged`: the IDs that its list names. `read`: raises DocumentDamaged."""

    name: str
    index: str
    noun: str
    damaged: Callable[[], Collection[str]]
    read: Callable[[Mapping[str, Any]], object]
    delete_parts: Callable[[str], object]


def _damaged_jobs() -> list[str]:
    return [job.id for job in jobs.all_jobs() if job.is_damaged]


def _read_job(document: Mapping[str, Any]) -> None:
    if jobs.Job.of(document).is_damaged:
        raise errors.DocumentDamaged(document["_id"])


# By the names of their lists. Which rows belong to a damaged run isn't known.
KINDS: Final = {
    "reviews": Kind(
        "review",
        indices.REVIEWS,
        "access review",
        lambda: reviews.reviews_and_damaged()[1],
        reviews.Review.of,
        reviews.delete_items,
    ),
    "findings": Kind(
        "finding",
        indices.FINDINGS,
        "run of the checks",
        lambda: findings.history_and_damaged()[1],
        findings.Run.of,
        lambda id: None,
    ),
    "jobs": Kind("job", indices.JOBS, "bulk change", _damaged_jobs, _read_job, jobs.delete_parts),
}


def discard(client: PersonClient, kind: Kind, ids: Collection[str]) -> int:
    """Record and delete those of the documents that are damaged; returns how many.

    Raises AuditUnavailable, Conflict if one was changed at the same moment, and Unavailable; the ones before it are deleted then.
    """
    found = [id for id in kind.damaged() if id in ids]  # parts of it can't be read as such documents, either
    documents = store.get_many(kind.index, found) if found else []
    chosen = [document for document in documents if document and _is_damaged(kind, document)]
    for document in chosen:
        id, name = document["_id"], damage.text_at(document["_source"], "title")
        with audit.recorded(client, audit.Action.DOCUMENT_DISCARD, id, kind=kind.name, details={"name": name} if name else {}):
            _delete(kind.index, id, Version.of(document))
            kind.delete_parts(id)
    return len(chosen)


def _is_damaged(kind: Kind, document: Mapping[str, Any]) -> bool:
    try:
        kind.read(document)
    except errors.DocumentDamaged:
        return True
    return False


def _delete(index: str, id: str, version: Version) -> None:
    """With `_bulk`, which takes the ID as it is: another program may have chosen `..`, which in a path is something else."""
    (result,) = store.bulk([{"delete": {"_index": index, "_id": id, **version.condition()}}], refresh=True)
    if result["status"] == HTTPStatus.CONFLICT:
        raise errors.Conflict(f"{index} {id} was changed")
    store.require_status([result], (HTTPStatus.OK, HTTPStatus.NOT_FOUND))
