"""Reads and writes of single documents in usermgmt's indices: versions, and the responses of `_mget` and `_bulk`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from accounts.services import errors
from accounts.services.client import AdministratorClient, service_client


class Version(NamedTuple):
    """The state of a document that was read or written; each write creates a new version."""

    seq_no: int
    primary_term: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """From the response to a get, an index call, or a search with `seq_no_primary_term`."""
        return cls(answer["_seq_no"], answer["_primary_term"])

    def condition(self) -> dict[str, int]:
        """The parameters of a write that must replace exactly this version."""
        return {"if_seq_no": self.seq_no, "if_primary_term": self.primary_term}


def get(index: str, id: str) -> dict[str, Any] | None:
    """The current document, or None. Raises NotSetUp and Unavailable."""
    return get_many(index, [id])[0]


def get_many(index: str, ids: Sequence[str]) -> list[dict[str, Any] | None]:
    """The current documents, None for missing ones, in one call (`_mget`). Raises NotSetUp and Unavailable."""
    return [_found(document) for document in service_client().mget(index=index, ids=ids)["docs"]]


def put(index: str, id: str, document: Mapping[str, Any], version: Version | None, **options: Any) -> Version:
    """Replace this version of the document, or create it where `version` is None. Raises Conflict after another write."""
    condition: dict[str, Any] = version.condition() if version else {"op_type": "create"}
    return Version.of(service_client().index(index=index, id=id, document=document, **condition, **options).body)


def delete(index: str, id: str, version: Version | None = None) -> None:
    """Delete the document, or only this version of it. A missing one is no error. Raises Conflict."""
    try:
        service_client().delete(index=index, id=id, **(version.condition() if version else {}))  # type: ignore[arg-type]
    except errors.NotFound:
        pass


def bulk(
    operations: Sequence[Mapping[str, Any]], *, client: AdministratorClient | None = None, **options: Any
) -> list[Mapping[str, Any]]:
    """The result of each operation (`_bulk`), with usermgmt's API key or as an administrator; no call without operations."""
    if not operations:
        return []
    answer = (client or service_client()).bulk(operations=operations, **options)
    return [next(iter(item.values())) for item in answer["items"]]


def require_status(results: Iterable[Mapping[str, Any]], accepted: Collection[int]) -> None:
    """Raise Unavailable unless each result of `bulk` has one of these HTTP statuses."""
    for result in results:
        if result["status"] not in accepted:
            raise errors.Unavailable(str(result.get("error")))


def _found(document: dict[str, Any]) -> dict[str, Any] | None:
    """One item of `_mget`, which has no status: a missing index has no documents, other failures are raised."""
    if failure := document.get("error"):
        if failure["type"] == "index_not_found_exception":
            return None
        kind = errors.NotSetUp if failure["type"] == "security_exception" else errors.Unavailable
        raise kind(str(failure.get("reason")))
    return document if document["found"] else None
