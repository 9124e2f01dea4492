"""Reading and writing the documents of reviews (`usermgmt-reviews`), with the API key of usermgmt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from accounts.services import errors
from accounts.services.client import service_client
from accounts.services.documents import damage, indices
from accounts.services.documents import store as documents_store
from accounts.services.documents.queries import contains
from accounts.services.reviews.records import DECISIONS, PENDING, Item, Review, item_id
from accounts.services.reviews.subjects import SUBJECTS

MAX_REVIEWS: Final = 1000
BATCH_SIZE: Final = 1000
SEARCHED_FIELDS: Final = tuple({f"row.{name}": "" for subject in SUBJECTS.values() for name in subject.searched})
REVIEWS_INDEX: Final[dict[str, Any]] = {"index": indices.REVIEWS, "ignore_unavailable": True}


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Items after (or before) a number, with a decision or "pending", whose row contains each word of `q`."""

    show: str = ""
    q: str = ""
    after: int = 0
    before: int = 0
    size: int = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items there are, and how many of each decision."""

    total: int = 0
    keep: int = 0
    change: int = 0
    remove: int = 0

    @property
    def decided(self) -> int:
        return self.keep + self.change + self.remove

    @property
    def pending(self) -> int:
        return self.total - self.decided

    @property
    def counts(self) -> dict[str, int]:
        return {"keep": self.keep, "change": self.change, "remove": self.remove}


def get(review_id: str) -> Review:
    """A review, as it is now. Raises ReviewNotFound."""
    return get_with_items(review_id, [])[0]


def get_with_items(review_id: str, numbers: Iterable[int]) -> tuple[Review, list[Item]]:
    """A review and some of its items, as they are now, in one call. Raises ReviewNotFound."""
    ids = [review_id, *(item_id(review_id, number) for number in numbers)]
    documents = documents_store.get_many(indices.REVIEWS, ids)
    if any(document is None for document in documents) or documents[0]["_source"].get("kind") != "review":  # type: ignore[index]
        raise errors.ReviewNotFound(review_id)
    return Review.of(documents[0] or {}), [Item.of(document) for document in documents[1:] if document]


def put(document: Review | Item) -> None:
    """Write a review or an item over the version that it was read as, or as a new one. Raises Conflict."""
    documents_store.put(indices.REVIEWS, document.id, document.document(), document.version)


def put_many(items: Sequence[Item]) -> None:
    """Write items over the versions that they were read as, or as new ones; those that have another version now stay as they are.

    Raises Unavailable when one could not be written for another reason.
    """
    operations: list[dict[str, Any]] = []
    for item in items:
        name, condition = ("index", item.version.condition()) if item.version else ("create", {})
        operations += [{name: {"_index": indices.REVIEWS, "_id": item.id, **condition}}, item.document()]
    accepted = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT)
    documents_store.require_status(documents_store.bulk(operations), accepted)


def refresh() -> None:
    """Make everything that was written so far visible to searches."""
    service_client().indices.refresh(index=indices.REVIEWS, ignore_unavailable=True)


def all_reviews(*states: str) -> list[Review]:
    """All reviews, or those in one of the states, newest first."""
    return reviews_and_damaged(*states)[0]


def reviews_and_damaged(*states: str) -> tuple[list[Review], list[str]]:
    """The same, and the IDs of reviews that can't be read, because another program has written them."""
    filters: list[dict[str, Any]] = [{"term": {"kind": "review"}}]
    if states:
        filters.append({"terms": {"state": list(states)}})
    sort = [{"created": {"order": "desc", "unmapped_type": "date"}}]
    answer = service_client().search(**REVIEWS_INDEX, query={"bool": {"filter": filters}}, sort=sort, size=MAX_REVIEWS)
    return damage.readable(Review.of, answer["hits"]["hits"])


def ended_before(moment: datetime) -> list[Review]:
    """The reviews that ended before then, the oldest first; call `refresh` first."""
    filters = [
        {"term": {"kind": "review"}},
        {"terms": {"state": ["signed", "canceled", "failed"]}},
        {"range": {"created": {"lt": moment.isoformat()}}},
    ]
    answer = service_client().search(
        **REVIEWS_INDEX,
        query={"bool": {"filter": filters}},
        sort=[{"created": {"order": "asc", "unmapped_type": "date"}}],
        size=10 * MAX_REVIEWS,
        seq_no_primary_term=True,
    )
    found, _ = damage.readable(Review.of, answer["hits"]["hits"])
    return [review for review in found if review.ended and review.ended < moment]


def delete(review: Review) -> None:
    """Delete a review and its items, unless it was changed since it was read. Raises Conflict, Unavailable.

    The review comes first: one that has lost some of its items would look like one that was tampered with.
    """
    documents_store.delete(indices.REVIEWS, review.id, review.version)
    delete_items(review.id)


def delete_items(review_id: str) -> None:
    """Raises Unavailable when one couldn't be deleted."""
    documents_store.delete_matching(indices.REVIEWS, _items_of(review_id))


def count_items(review_id: str) -> int:
    """Call `refresh` first."""
    return documents_store.count_matching(indices.REVIEWS, _items_of(review_id))


def deleted_with_items() -> list[str]:
    """IDs of deleted reviews that still have items, because a process was killed."""
    return documents_store.missing_owners(indices.REVIEWS, "review", {"term": {"kind": "item"}})


def _items_of(review_id: str) -> dict[str, Any]:
    return {"bool": {"filter": [{"term": {"kind": "item"}}, {"term": {"review": review_id}}]}}


def progress(review_ids: Iterable[str]) -> dict[str, Progress]:
    """Of each of the reviews, in one call."""
    ids = list(review_ids)
    by_choice = {"choices": {"terms": {"field": "choice"}}}
    answer = service_client().search(
        **REVIEWS_INDEX,
        query={"bool": {"filter": [{"term": {"kind": "item"}}, {"terms": {"review": ids}}]}},
        size=0,
        aggs={"reviews": {"terms": {"field": "review", "size": max(1, len(ids))}, "aggs": by_choice}},
    )
    buckets = answer.get("aggregations", {}).get("reviews", {}).get("buckets", [])
    return {review_id: Progress() for review_id in ids} | {bucket["key"]: _progress(bucket) for bucket in buckets}


def _progress(bucket: Mapping[str, Any]) -> Progress:
    counts = {each["key"]: each["doc_count"] for each in bucket["choices"]["buckets"]}
    return Progress(bucket["doc_count"], **{decision: counts.get(decision, 0) for decision in DECISIONS})


def items(review_id: str, query: ItemQuery) -> list[Item]:
    """Some items, in the order of their numbers. Raises ReviewDamaged."""
    found, damaged = items_and_damaged(review_id, query)
    if damaged:
        raise errors.ReviewDamaged(damaged)
    return found


def items_and_damaged(review_id: str, query: ItemQuery) -> tuple[list[Item], list[str]]:
    """The same, and the IDs of items that can't be read, because another program has written them."""
    backwards = bool(query.before)
    answer = service_client().search(
        **REVIEWS_INDEX,
        query={"bool": {"filter": _filters(review_id, query)}},
        sort=[{"number": {"order": "desc" if backwards else "asc", "unmapped_type": "integer"}}],
        size=query.size,
        seq_no_primary_term=True,
        track_total_hits=False,
    )
    found, damaged = damage.readable(Item.of, answer["hits"]["hits"])
    return (found[::-1] if backwards else found), damaged


def all_items(review_id: str, show: str = "") -> Iterator[Item]:
    """Every item in the order of the numbers, read in batches; call `refresh` first."""
    after = 0
    while batch := items(review_id, ItemQuery(show, after=after, size=BATCH_SIZE)):
        yield from batch
        after = batch[-1].number


def damaged_items(review_id: str) -> list[str]:
    """The IDs of all items that can't be read, those without a number too. Reads every item; call `refresh` first."""
    query = {"bool": {"filter": _filters(review_id, ItemQuery())}}
    sort = [{"number": {"order": "asc", "missing": "_last", "unmapped_type": "integer"}}]
    damaged: list[str] = []
    position: dict[str, Any] = {}
    while hits := service_client().search(**REVIEWS_INDEX, query=query, sort=sort, size=BATCH_SIZE, **position)["hits"]["hits"]:
        damaged += damage.readable(Item.of, hits)[1]
        position = {"search_after": hits[-1]["sort"]}
    return damaged


def count_after(review_id: str, show: str, number: int) -> int:
    """How many items with this decision come after a number; call `refresh` first."""
    filters = _filters(review_id, ItemQuery(show, after=number))
    answer = service_client().search(**REVIEWS_INDEX, query={"bool": {"filter": filters}}, size=0, track_total_hits=True)
    return int(answer["hits"]["total"]["value"])


def last_item(review_id: str) -> Item | None:
    """The item with the highest number, or None; call `refresh` first."""
    return next(iter(items(review_id, ItemQuery(before=2**31 - 1, size=1))), None)


def unlocked(review_id: str) -> tuple[list[Item], int]:
    """Some items that aren't locked, and how many there are; call `refresh` first. Raises ReviewDamaged."""
    filters = [*_filters(review_id, ItemQuery()), {"term": {"locked": False}}]
    answer = service_client().search(
        **REVIEWS_INDEX, query={"bool": {"filter": filters}}, size=BATCH_SIZE, seq_no_primary_term=True, track_total_hits=True
    )
    found, damaged = damage.readable(Item.of, answer["hits"]["hits"])
    if damaged:
        raise errors.ReviewDamaged(damaged)
    return found, answer["hits"]["total"]["value"]


def _filters(review_id: str, query: ItemQuery) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = [{"term": {"kind": "item"}}, {"term": {"review": review_id}}]
    if query.show == PENDING:  # whatever isn't decided, as in `Progress`: a damaged item may have no choice
        filters.append({"bool": {"must_not": {"terms": {"choice": list(DECISIONS)}}}})
    elif query.show in DECISIONS:
        filters.append({"term": {"choice": query.show}})
    if query.after or query.before:
        filters.append({"range": {"number": {"lt": query.before} if query.before else {"gt": query.after}}})
    return filters + [_any_field_contains(word) for word in query.q.split()]


def _any_field_contains(word: str) -> dict[str, Any]:
    return {"bool": {"should": [contains(name, word) for name in SEARCHED_FIELDS], "minimum_should_match": 1}}
