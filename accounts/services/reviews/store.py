"""Reading and writing the documents of reviews (`usermgmt-reviews`), with the product's own key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from accounts.services import errors
from accounts.services.client import service_client
from accounts.services.documents import indices
from accounts.services.documents import store as documents_store
from accounts.services.reviews.records import DECISIONS, OPEN, Item, Review, item_id

MOST_REVIEWS: Final = 1000
A_PORTION: Final = 1000
TEXTS: Final = ("row.username", "row.full_name", "row.email", "row.roles")
PLACE: Final[dict[str, Any]] = {"index": indices.REVIEWS, "ignore_unavailable": True}


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items: those after (or before) a number, of a decision ("open": of none yet), with a text in the frozen row."""

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
    def marked(self) -> int:
        """How many are decided."""
        return self.keep + self.change + self.remove

    @property
    def left(self) -> int:
        """How many are not."""
        return self.total - self.marked

    @property
    def counts(self) -> dict[str, int]:
        """Each decision with how often it was made."""
        return {"keep": self.keep, "change": self.change, "remove": self.remove}


def get(review_id: str) -> Review:
    """A review, as it is now. Raises ReviewNotFound."""
    return get_with_items(review_id, [])[0]


def get_with_items(review_id: str, numbers: Iterable[int]) -> tuple[Review, list[Item]]:
    """A review and some of its items, as they are now, in one call. Raises ReviewNotFound."""
    ids = [review_id, *(item_id(review_id, number) for number in numbers)]
    documents = documents_store.get_many(indices.REVIEWS, ids)
    if any(document is None for document in documents) or documents[0]["_source"]["kind"] != "review":  # type: ignore[index]
        raise errors.ReviewNotFound(review_id)
    return Review.of(documents[0] or {}), [Item.of(document) for document in documents[1:] if document]


def put(document: Review | Item) -> None:
    """Write a review or an item over the version that it was read as, or as a new one. Raises Conflict."""
    documents_store.put(indices.REVIEWS, document.id, document.document(), document.version)


def put_many(items: Sequence[Item]) -> None:
    """Write items over the version that they were read as, or as new ones; those of another version by now stay as they are.

    Raises Unavailable when one could not be written for another reason.
    """
    operations: list[dict[str, Any]] = []
    for item in items:
        how = {"index": item.version.condition()} if item.version else {"create": {}}
        (name, options) = next(iter(how.items()))
        operations += [{name: {"_index": indices.REVIEWS, "_id": item.id, **options}}, item.document()]
    accepted = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT)
    documents_store.require_status(documents_store.bulk(operations), accepted)


def refresh() -> None:
    """Let searches find what was written until now."""
    service_client().indices.refresh(index=indices.REVIEWS, ignore_unavailable=True)


def all_reviews(*states: str) -> list[Review]:
    """All reviews, or those in one of the states; the newest first."""
    filters: list[dict[str, Any]] = [{"term": {"kind": "review"}}]
    if states:
        filters.append({"terms": {"state": list(states)}})
    sort = [{"created": {"order": "desc", "unmapped_type": "date"}}]
    answer = service_client().search(**PLACE, query={"bool": {"filter": filters}}, sort=sort, size=MOST_REVIEWS)
    return [Review.of(hit) for hit in answer["hits"]["hits"]]


def progress(review_ids: Iterable[str]) -> dict[str, Progress]:
    """Of each of the reviews, in one call."""
    ids = list(review_ids)
    by_decision = {"decisions": {"terms": {"field": "decision"}}}
    answer = service_client().search(
        **PLACE,
        query={"bool": {"filter": [{"term": {"kind": "item"}}, {"terms": {"review": ids}}]}},
        size=0,
        aggs={"reviews": {"terms": {"field": "review", "size": max(1, len(ids))}, "aggs": by_decision}},
    )
    buckets = answer.get("aggregations", {}).get("reviews", {}).get("buckets", [])
    return {review_id: Progress() for review_id in ids} | {bucket["key"]: _progress(bucket) for bucket in buckets}


def _progress(bucket: Mapping[str, Any]) -> Progress:
    counts = {each["key"]: each["doc_count"] for each in bucket["decisions"]["buckets"]}
    return Progress(bucket["doc_count"], **{decision: counts.get(decision, 0) for decision in DECISIONS})


def items(review_id: str, query: ItemQuery) -> list[Item]:
    """Some items, in the order of their numbers."""
    backwards = bool(query.before)
    answer = service_client().search(
        **PLACE,
        query={"bool": {"filter": _filters(review_id, query)}},
        sort=[{"number": {"order": "desc" if backwards else "asc", "unmapped_type": "integer"}}],
        size=query.size,
        seq_no_primary_term=True,
        track_total_hits=False,
    )
    found_items = [Item.of(hit) for hit in answer["hits"]["hits"]]
    return found_items[::-1] if backwards else found_items


def all_items(review_id: str, show: str = "") -> Iterator[Item]:
    """Every item in the order of the numbers, read in portions; call `refresh` before."""
    after = 0
    while portion := items(review_id, ItemQuery(show, after=after, size=A_PORTION)):
        yield from portion
        after = portion[-1].number


def last_item(review_id: str) -> Item | None:
    """The item with the highest number, or None; call `refresh` before."""
    return next(iter(items(review_id, ItemQuery(before=2**31 - 1, size=1))), None)


def unsealed(review_id: str) -> tuple[list[Item], int]:
    """Some items that are not sealed, and how many there are; call `refresh` before."""
    filters = [*_filters(review_id, ItemQuery()), {"term": {"sealed": False}}]
    answer = service_client().search(
        **PLACE, query={"bool": {"filter": filters}}, size=A_PORTION, seq_no_primary_term=True, track_total_hits=True
    )
    return [Item.of(hit) for hit in answer["hits"]["hits"]], answer["hits"]["total"]["value"]


def _filters(review_id: str, query: ItemQuery) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = [{"term": {"kind": "item"}}, {"term": {"review": review_id}}]
    if query.show in (OPEN, *DECISIONS):
        filters.append({"term": {"decision": query.show}})
    if query.after or query.before:
        filters.append({"range": {"number": {"lt": query.before} if query.before else {"gt": query.after}}})
    return filters + [_containing(word) for word in query.q.split()]


def _containing(word: str) -> dict[str, Any]:
    literal = word.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    anywhere = [{"wildcard": {name: {"value": f"*{literal}*", "case_insensitive": True}}} for name in TEXTS]
    return {"bool": {"should": anywhere, "minimum_should_match": 1}}
