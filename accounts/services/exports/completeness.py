"""What proves that a list is whole: when, where, who, which filter, how many rows against Elasticsearch's own count, SHA-256."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

ALL_THERE = "Every user that matched is in it, and their number did not change while it was written."


@dataclass(frozen=True, slots=True)
class Completeness:
    """The completeness block of a list.

    `users_before` and `users_after` are Elasticsearch's own counts of the users that match, when the first row was read and
    after the last. `begins`: when the audit trail begins, before which it knows nothing; "" when it is empty.
    """

    generated_at: str
    cluster_name: str
    cluster_id: str
    generated_by: str
    realm: str
    filter: str
    query: str
    rows: int
    users_before: int
    users_after: int
    trail_begins: str
    data_file: str
    sha256: str

    @property
    def is_exact(self) -> bool:
        """Whether the rows are as many as Elasticsearch counted, before and after."""
        return self.rows == self.users_before == self.users_after

    @property
    def verdict(self) -> str:
        """The same in a sentence."""
        if self.is_exact:
            return ALL_THERE
        return (
            f"Users were added or removed while it was written: Elasticsearch counted {self.users_before} before and "
            f"{self.users_after} after, and {self.rows} are in it."
        )

    def as_dict(self) -> dict[str, Any]:
        """All of it with the sentence, ready for JSON."""
        return {**asdict(self), "verdict": self.verdict}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From what `as_dict` gave. Raises KeyError, TypeError and ValueError for anything else."""
        kinds: dict[str, Callable[[Any], Any]] = dict.fromkeys(("rows", "users_before", "users_after"), int)
        return cls(**{field.name: kinds.get(field.name, str)(document[field.name]) for field in fields(cls)})


def moment(at: datetime) -> str:
    """UTC, to the second, as in 2026-11-24T15:01:02Z."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
