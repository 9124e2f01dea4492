"""Starting a review: a snapshot of its items is created in batches, so that it can have 100,000 users.

A batch continues after the last item; after an interruption, any user can request the next one. What two
processes write at once exists once: items are only created, never overwritten.
"""

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

from django.utils import timezone

from accounts.services import audit, errors, roles
from accounts.services.client import PersonClient, service_client
from accounts.services.reviews import store, subjects
from accounts.services.reviews.records import Item, JobProgress, Review, SnapshotManifest
from accounts.services.reviews.subjects import Query


def start(
    client: PersonClient,
    query: Query,
    title: str,
    *,
    expected: int = 0,
    due: date | None = None,
    reviewers: Sequence[str] = (),
) -> Review:
    """A new review of the items that match; `create_snapshot` does the rest. `expected`: how many match now, for the progress.

    Raises AuditUnavailable.
    """
    subject = subjects.of_query(query)
    review = Review(
        id=uuid.uuid4().hex,
        title=title,
        created=timezone.now(),
        by=client.actor.username,
        filter=subject.describe(query),
        query=subject.stored(query),
        subject=subject,
        due=due,
        reviewers=tuple(reviewers),
        expected=expected,
    )
    changes: dict[str, Any] = {"title": title, "filter": review.filter, "due": due and due.isoformat(), "reviewers": reviewers}
    changes = {name: (None, value) for name, value in changes.items()}
    with audit.recorded(client, audit.Action.REVIEW_CREATE, review.id, kind="review", changes=changes):
        store.put(review)
    return review


def create_snapshot(client: PersonClient, review_id: str) -> JobProgress:
    """Add the next batch of items, or complete the snapshot. Raises ReviewNotFound, AuditUnavailable, and AccessDenied."""
    store.refresh()
    review, last = store.get(review_id), store.last_item(review_id)
    done = last.number if last else 0
    if review.state != "snapshotting":
        return JobProgress(done, done, is_over=True)
    subject = review.subject
    batch = subject.batch(client, subject.loaded(review.query), last.row if last else None, store.BATCH_SIZE)
    if not batch.rows:
        with suppress(errors.Conflict):  # another process completed it first
            _complete(client, review, batch.total)
        return JobProgress(done, batch.total, is_over=True)
    numbered = enumerate(batch.rows, start=done + 1)
    store.put_many([Item(review_id, number, row, subject=subject) for number, row in numbered])
    return JobProgress(done + len(batch.rows), batch.total, is_over=False)


def _complete(client: PersonClient, review: Review, total: int) -> None:
    """Read the whole snapshot again: each number and each item once, in order. Then the review is open."""
    digest, number, is_sound = hashlib.sha256(), 0, True
    position: tuple[str, ...] = ()
    seen: set[str] = set()
    for number, item in enumerate(store.all_items(review.id), start=1):
        before, position = position, review.subject.position(item.row)
        is_sound = is_sound and item.number == number and position >= before and item.identity not in seen
        seen.add(item.identity)
        digest.update(item.row_line())
    manifest = _manifest(client, review, number, total, digest.hexdigest())
    completed = replace(review, state="open" if is_sound else "failed", snapshot=manifest)
    changes = {"rows": (None, str(number)), "total": (None, str(total)), "sha256": (None, manifest.sha256)}
    with audit.recorded(client, audit.Action.REVIEW_SNAPSHOT, review.id, kind="review", changes=changes):
        store.put(completed)


def _manifest(client: PersonClient, review: Review, count: int, total: int, sha256: str) -> SnapshotManifest:
    cluster = service_client().cluster.state(metric="version")
    return SnapshotManifest(
        generated_at=timezone.now().isoformat(timespec="seconds"),
        cluster=cluster["cluster_name"],
        cluster_id=cluster["cluster_uuid"],
        by=client.actor.username,
        filter=review.filter,
        rows=count,
        total=total,
        sha256=sha256,
        anonymous_access=str(roles.anonymous_access(client)),
    )
