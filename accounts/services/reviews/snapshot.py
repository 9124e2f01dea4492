"""Starting a review: a snapshot of the user list is created in batches, so that it can have 100,000 users.

A batch continues after the last item, by username; after an interruption, any user can request the next one. What two
processes write at once exists once: items are only created, never overwritten.
"""

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from typing import Any, Final

from django.utils import timezone

from accounts.services import audit, errors, roles, users
from accounts.services.client import PersonClient, service_client
from accounts.services.exports.filters import describe
from accounts.services.reviews import rows, store
from accounts.services.reviews.records import Item, JobProgress, Review, SnapshotManifest
from accounts.services.users import User, UserQuery

# The fields of a query that select users, without the position in the list.
QUERY_FIELDS: Final = ("q", "roles", "status", "kind", "flags")


def start(
    client: PersonClient,
    query: UserQuery,
    title: str,
    *,
    expected: int = 0,
    due: date | None = None,
    reviewers: Sequence[str] = (),
) -> Review:
    """A new review of the users that match; `create_snapshot` does the rest. `expected`: how many match now, for the progress.

    Raises AuditUnavailable.
    """
    query = replace(query, sort="username", descending=False)
    fields = asdict(query)
    review = Review(
        id=uuid.uuid4().hex,
        title=title,
        created=timezone.now(),
        by=client.actor.username,
        filter=describe(query),
        query={name: fields[name] for name in QUERY_FIELDS},
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
    """Add the next batch of users, or complete the snapshot. Raises ReviewNotFound, AuditUnavailable, and AccessDenied."""
    store.refresh()
    review, last = store.get(review_id), store.last_item(review_id)
    done = last.number if last else 0
    if review.state != "snapshotting":
        return JobProgress(done, done, is_over=True)
    batch, total = _batch(client, review, last)
    if not batch:
        with suppress(errors.Conflict):  # another process completed it first
            _complete(client, review, total)
        return JobProgress(done, total, is_over=True)
    found = rows.of_users(client, batch)
    store.put_many([Item(review_id, number, row) for number, row in enumerate(found, start=done + 1)])
    return JobProgress(done + len(found), total, is_over=False)


def _batch(client: PersonClient, review: Review, last: Item | None) -> tuple[list[User], int]:
    """The users after the last item, and how many match in all."""
    page = users.search(client, replace(_query(review), after=(last.username, last.username) if last else None))
    # After the last user, the list starts again.
    is_after = not last or not page.users or page.users[0].username > last.username
    return page.users if is_after else [], page.total


def _query(review: Review) -> UserQuery:
    fields: dict[str, Any] = dict(review.query)
    fields |= {name: tuple(fields[name]) for name in ("roles", "flags")}
    return UserQuery(**fields, size=store.BATCH_SIZE)


def _complete(client: PersonClient, review: Review, total: int) -> None:
    """Read the whole snapshot again: each number once, usernames in order. Then the review is open."""
    digest, number, name, is_sound = hashlib.sha256(), 0, "", True
    for number, item in enumerate(store.all_items(review.id), start=1):
        is_sound = is_sound and item.number == number and item.username > name
        name = item.username
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
