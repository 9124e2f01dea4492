"""Starting a review: the list that it is about is taken down as it is, in portions, so that 100,000 users can be.

A portion goes on behind the last item that there is, by name; whoever asks for the next one, after whatever happened, goes on
from there. What was taken by two at once is there once: an item is only created, never written over.
"""

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from typing import Any, Final

from django.utils import timezone

from accounts.services import audit, errors, users
from accounts.services.client import PersonClient, service_client
from accounts.services.exports.filters import describe
from accounts.services.reviews import rows, store
from accounts.services.reviews.records import Completeness, Item, Review, Work
from accounts.services.users import User, UserQuery

# What stands in a query besides its place in the list.
ASKED: Final = ("q", "roles", "status", "kind", "flags")


def start(client: PersonClient, query: UserQuery, title: str, *, due: date | None = None, reviewers: Sequence[str] = ()) -> Review:
    """A new review of the users that match; `freeze` takes them down. Raises AuditUnavailable."""
    query = replace(query, sort="username", descending=False)
    actor, asked = client.actor, asdict(query)
    review = Review(
        id=uuid.uuid4().hex,
        title=title,
        created=timezone.now(),
        by=actor.username,
        filter=describe(query),
        query={name: asked[name] for name in ASKED},
        due=due,
        reviewers=tuple(reviewers),
    )
    changes = {"title": (None, title), "filter": (None, review.filter), "due": (None, due and due.isoformat())}
    with audit.recorded(client, "review-create", review.id, kind="review", changes={**changes, "reviewers": (None, reviewers)}):
        store.put(review)
    return review


def freeze(client: PersonClient, review_id: str) -> Work:
    """Take down the next portion of the list, or see that it is whole. Raises ReviewNotFound, AuditUnavailable, and AccessDenied."""
    store.refresh()
    review, last = store.get(review_id), store.last_item(review_id)
    done = last.number if last else 0
    if review.state != "freezing":
        return Work(done, done, is_over=True)
    portion, total = _portion(client, review, last)
    if not portion:
        with suppress(errors.Conflict):  # another process was first to see that it is whole
            _finish(client, review, total)
        return Work(done, total, is_over=True)
    frozen = rows.of_users(client, portion)
    store.put_many([Item(review_id, number, row) for number, row in enumerate(frozen, start=done + 1)])
    return Work(done + len(frozen), total, is_over=False)


def _portion(client: PersonClient, review: Review, last: Item | None) -> tuple[list[User], int]:
    """The users behind the last item, and how many match in all."""
    page = users.search(client, replace(_query(review), after=(last.username, last.username) if last else None))
    # Behind the last user a list begins again.
    is_behind = not last or not page.users or page.users[0].username > last.username
    return page.users if is_behind else [], page.total


def _query(review: Review) -> UserQuery:
    asked: dict[str, Any] = dict(review.query)
    asked |= {name: tuple(asked[name]) for name in ("roles", "flags")}
    return UserQuery(**asked, size=store.A_PORTION)


def _finish(client: PersonClient, review: Review, total: int) -> None:
    """Look at the whole list once more: each number once, names in order; then people can review it."""
    digest, number, name, is_sound = hashlib.sha256(), 0, "", True
    for number, item in enumerate(store.all_items(review.id), start=1):
        is_sound = is_sound and item.number == number and item.username > name
        name = item.username
        digest.update(item.row_line())
    completeness = _completeness(client, review, number, total, digest.hexdigest())
    frozen = replace(review, state="open" if is_sound else "failed", completeness=completeness)
    changes = {"rows": (None, str(number)), "total": (None, str(total)), "sha256": (None, completeness.sha256)}
    with audit.recorded(client, "review-freeze", review.id, kind="review", changes=changes):
        store.put(frozen)


def _completeness(client: PersonClient, review: Review, count: int, total: int, sha256: str) -> Completeness:
    cluster = service_client().cluster.state(metric="version")
    return Completeness(
        generated_at=timezone.now().isoformat(timespec="seconds"),
        cluster=cluster["cluster_name"],
        cluster_id=cluster["cluster_uuid"],
        by=client.actor.username,
        filter=review.filter,
        rows=count,
        total=total,
        sha256=sha256,
    )
