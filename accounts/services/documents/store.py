"""Reads and writes of single documents in usermgmt's indices: versions, and the responses of `_mget` and `_bulk`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from http import HTTPStatus
from itertools import islice
from threading import Condition
from typing import Any, Final, NamedTuple, Self, TypeVar

from accounts.services import errors
from accounts.services.client import AdministratorClient, ServiceClient, service_client, setup_problems

T = TypeVar("T")

DELETED_AT_ONCE: Final = 10_000
MAX_OWNERS: Final = 10_000
# A group of bulk requests is sent when it has as many, or when the first has waited that long.
MAX_GROUP: Final = 8
SECONDS_FOR_GROUP: Final = 0.05


class Version(NamedTuple):
    """The state of a document that was read or written; each write creates a new version."""

    seq_no: int
    primary_term: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """From the response to a get, an index call, or a search with `seq_no_primary_term`."""
        return cls(answer["_seq_no"], answer["_primary_term"])

    @classmethod
    def known(cls, document: Mapping[str, Any]) -> Self | None:
        """The same; None from a search without `seq_no_primary_term`."""
        return cls.of(document) if "_seq_no" in document else None

    def condition(self) -> dict[str, int]:
        """The parameters of a write that must replace exactly this version."""
        return {"if_seq_no": self.seq_no, "if_primary_term": self.primary_term}


def known_fields(kind: type[Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a document that this dataclass has, without ID and version.

    During an upgrade, a later version may be running beside this one, and store more.
    """
    names = {field.name for field in fields(kind)} - {"id", "version"}
    return {name: value for name, value in source.items() if name in names}


def get(index: str, id: str) -> dict[str, Any] | None:
    """The current document, or None. Raises NotSetUp and Unavailable."""
    return get_many(index, [id])[0]


def get_many(index: str, ids: Sequence[str]) -> list[dict[str, Any] | None]:
    """The current documents, None for missing ones, in one call (`_mget`). Raises NotSetUp and Unavailable."""
    return [_found(document) for document in service_client().mget(index=index, ids=ids)["docs"]]


def require_readable(*names: str) -> None:
    """Raise NotSetUp or Unavailable unless the documents of these indices can be read, in one call (`_mget`)."""
    for document in service_client().mget(docs=[{"_index": name, "_id": "none"} for name in names])["docs"]:
        _found(document)


def put(index: str, id: str, document: Mapping[str, Any], version: Version | None, **options: Any) -> Version:
    """Replace this version of the document, or create it where `version` is None. Raises Conflict after another write."""
    condition: dict[str, Any] = version.condition() if version else {"op_type": "create"}
    return Version.of(
        _creating_index(index, lambda: service_client().index(index=index, id=id, document=document, **condition, **options).body)
    )


def delete(index: str, id: str, version: Version | None = None) -> None:
    """Delete the document, or only this version of it. A missing one is no error. Raises Conflict."""
    try:
        service_client().delete(index=index, id=id, **(version.condition() if version else {}))  # type: ignore[arg-type]
    except (errors.NotFound, errors.IndexNotFound):
        pass


def bulk(
    operations: Sequence[Mapping[str, Any]], *, client: AdministratorClient | None = None, **options: Any
) -> list[Mapping[str, Any]]:
    """The result of each operation (`_bulk`), with usermgmt's API key or as an administrator; no call without operations."""
    if not operations:
        return []
    if (group := _group.get()) and client is None and not options:
        return group.send(operations)
    return _bulk(client or service_client(), operations, options)


class _Request(NamedTuple):
    operations: Sequence[Mapping[str, Any]]
    results: Future[list[Mapping[str, Any]]]


class Group:
    """Bulk requests are sent as one by a thread that waits for one of them: when there are enough, or after a moment."""

    def __init__(self, threads: int) -> None:
        self._enough = min(threads, MAX_GROUP)
        self._waiting: list[_Request] = []
        self._is_sending = False
        self._changed = Condition()

    def wait_no_more(self) -> None:
        """From now on, there may never be enough: send what is there."""
        with self._changed:
            self._enough = 1
            self._changed.notify_all()

    def send(self, operations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The result of each operation. Raises what `bulk` raises, in each thread whose operations were sent together."""
        request = _Request(operations, Future())
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
            self._changed.wait_for(lambda: request.results.done() or not self._is_sending)
            requests: list[_Request] = []
            if not request.results.done():
                self._is_sending = True
                self._changed.wait_for(lambda: len(self._waiting) >= self._enough, SECONDS_FOR_GROUP)
                requests, self._waiting = self._waiting, []
        if requests:
            self._send(requests)
        return request.results.result()

    def _send(self, requests: Sequence[_Request]) -> None:
        try:
            found = _bulk(service_client(), [operation for request in requests for operation in request.operations], {})
            numbers = [len(_by_item(request.operations)) for request in requests]
            if len(found) != sum(numbers):
                raise errors.OutcomeUnknown(f"{len(found)} results of {sum(numbers)} operations")
            results = iter(found)
        except BaseException as exc:
            for request in requests:
                request.results.set_exception(exc)
            raise
        else:
            for request, number in zip(requests, numbers, strict=True):
                request.results.set_result(list(islice(results, number)))
        finally:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()


_group: ContextVar[Group | None] = ContextVar("group", default=None)


@contextmanager
def grouped_bulk(threads: int) -> Iterator[Group]:
    """In this block, that many threads with its context send their bulk requests together. Each waits for its results."""
    group = Group(threads)
    token = _group.set(group)
    try:
        yield group
    finally:
        _group.reset(token)


def _bulk(
    caller: AdministratorClient | ServiceClient, operations: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    results = _send_bulk(caller, operations, options)
    without_index = {number for number, result in enumerate(results) if _error_type(result) == errors.IndexNotFound.code}
    if not without_index:
        return results
    if failure := _failure_to_create(caller, {results[number]["_index"] for number in without_index}):
        return [_with_error(result, failure) if number in without_index else result for number, result in enumerate(results)]
    items = _by_item(operations)
    again = [operation for number in sorted(without_index) for operation in items[number]]
    repeated = dict(zip(sorted(without_index), _send_bulk(caller, again, options), strict=True))
    return [repeated.get(number, result) for number, result in enumerate(results)]


def require_status(results: Iterable[Mapping[str, Any]], accepted: Collection[int]) -> None:
    """Raise NotSetUp or Unavailable unless each result of `bulk` has one of these HTTP statuses."""
    for result in results:
        if result["status"] not in accepted:
            error = result.get("error", {})
            raise setup_problems.of_error(error, result["status"]) or errors.Unavailable(str(error))


def count_matching(index: str, query: Mapping[str, Any]) -> int:
    """How many documents match. A missing index has none."""
    found = service_client().search(index=index, query=query, size=0, track_total_hits=True, ignore_unavailable=True)
    total: int = found["hits"]["total"]["value"]
    return total


def delete_matching(index: str, query: Mapping[str, Any]) -> None:
    """Delete all documents that match. A missing one is no error. Raises Unavailable when one couldn't be deleted."""
    found: dict[str, Any] = {"index": index, "query": query, "size": DELETED_AT_ONCE, "source": False}
    try:
        service_client().indices.refresh(index=index)
    except errors.IndexNotFound:
        return
    while hits := service_client().search(**found)["hits"]["hits"]:
        deleted = bulk([{"delete": {"_index": index, "_id": hit["_id"]}} for hit in hits], refresh=True)
        require_status(deleted, (HTTPStatus.OK, HTTPStatus.NOT_FOUND))


def missing_owners(index: str, field: str, query: Mapping[str, Any]) -> list[str]:
    """The IDs in this field of the documents that match which aren't documents themselves: a process was killed deleting them."""
    owners = {"owners": {"terms": {"field": field, "size": MAX_OWNERS}}}
    found = service_client().search(index=index, query=query, size=0, aggs=owners, ignore_unavailable=True)
    ids = [bucket["key"] for bucket in found.get("aggregations", {}).get("owners", {}).get("buckets", [])]
    return [id for id, document in zip(ids, get_many(index, ids), strict=True) if document is None] if ids else []


def _found(document: dict[str, Any]) -> dict[str, Any] | None:
    """One item of `_mget`, which has no status: a missing index has no documents, other failures are raised."""
    if failure := document.get("error"):
        if failure["type"] == errors.IndexNotFound.code:
            return None
        kind = errors.NotSetUp if failure["type"] == "security_exception" else errors.Unavailable
        raise kind(str(failure.get("reason")))
    return document if document["found"] else None


def _send_bulk(
    client: AdministratorClient | ServiceClient, operations: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    return [next(iter(item.values())) for item in client.bulk(operations=operations, **options)["items"]]


def _by_item(operations: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], ...]]:
    """Each action with its document; a delete has none."""
    rest = iter(operations)
    return [(action,) if "delete" in action else (action, next(rest)) for action in rest]


def _error_type(result: Mapping[str, Any]) -> str:
    return str(result.get("error", {}).get("type", ""))


def _creating_index(index: str, write: Callable[[], T]) -> T:
    """The result of a write. If its index is missing, nothing was written: it is sent again once the index exists."""
    try:
        return write()
    except errors.IndexNotFound:
        create_index(service_client(), index)
        return write()


def create_index(client: AdministratorClient | ServiceClient, index: str) -> None:
    """Create an index from its template; clusters can be set not to do it themselves (`action.auto_create_index`).

    An existing one is left unchanged. Raises NotSetUp without the privilege.
    """
    try:
        client.indices.create(index=index)
    except errors.Invalid:
        if not client.indices.exists(index=index):
            raise


def _failure_to_create(client: AdministratorClient | ServiceClient, names: Iterable[str]) -> errors.ServiceError | None:
    """Create the indices; returns why one of them couldn't be created."""
    try:
        for name in names:
            create_index(client, name)
    except errors.ServiceError as exc:
        return exc
    return None


def _with_error(result: Mapping[str, Any], failure: errors.ServiceError) -> Mapping[str, Any]:
    """A result whose index doesn't exist, with the reason why it couldn't be created, unless that is only a missing privilege."""
    if not isinstance(failure, errors.NoShardsLeft | errors.WritesBlocked):
        return result
    return {**result, "error": {**result["error"], "type": failure.code, "reason": str(failure)}, "status": HTTPStatus.FORBIDDEN}
