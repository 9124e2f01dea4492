"""A review and its items, and the documents that they are: one for the review, one for each item (`<review>-<number>`)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services.documents.store import Version
from accounts.services.request_context import Actor

# freezing: the list is being taken; signing: the decisions are being sealed; failed: the list could not be taken as one whole.
State = Literal["freezing", "failed", "open", "signing", "signed"]
Decision = Literal["keep", "change", "remove"]

DECISIONS: Final[tuple[Decision, ...]] = ("keep", "change", "remove")
OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class Completeness:
    """What shows that the frozen list is whole: when, where, by whom, of what, and how many against Elasticsearch's own total."""

    generated_at: str
    cluster: str
    cluster_id: str
    by: str
    filter: str
    rows: int
    total: int
    sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether the list has as many rows as Elasticsearch counted."""
        return self.rows == self.total

    @property
    def moment(self) -> datetime:
        """When the list was whole."""
        return datetime.fromisoformat(self.generated_at)


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who took responsibility for the decisions, when, and the hash over all of them, which the trail's event has too."""

    by: str
    realm: str
    at: str
    sha256: str
    event: str
    counts: Mapping[str, int]

    @property
    def moment(self) -> datetime:
        """When it was signed off."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Review:
    """An access review. `query`: the list that it is about; `filter`: the same in words; `reviewers`: who is asked, nobody: all."""

    id: str
    title: str
    created: datetime
    by: str
    filter: str
    query: Mapping[str, Any]
    due: date | None = None
    reviewers: tuple[str, ...] = ()
    state: State = "freezing"
    expected: int = 0
    completeness: Completeness | None = None
    signer: str = ""
    sign_off: SignOff | None = None
    version: Version | None = None

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been signed off by now."""
        return self.due is not None and self.state != "signed" and self.due < timezone.now().date()

    def asks(self, username: str) -> bool:
        """Whether this person is one of those who are asked to review."""
        return not self.reviewers or username in self.reviewers

    def document(self) -> dict[str, Any]:
        """The document."""
        fields = asdict(self)
        del fields["version"], fields["id"]
        dates = {"created": self.created.isoformat(), "due": self.due.isoformat() if self.due else None}
        return {**fields, **dates, "kind": "review", "review": self.id, "reviewers": list(self.reviewers)}

    @classmethod
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """The review, as a search or a get returns it."""
        source = hit["_source"]
        names = ("title", "by", "filter", "query", "state", "expected", "signer")
        return cls(
            id=hit["_id"],
            created=datetime.fromisoformat(source["created"]),
            due=date.fromisoformat(source["due"]) if source["due"] else None,
            reviewers=tuple(source["reviewers"]),
            completeness=Completeness(**source["completeness"]) if source["completeness"] else None,
            sign_off=SignOff(**source["sign_off"]) if source["sign_off"] else None,
            version=_version(hit),
            **{name: source[name] for name in names},
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reviewer decided, and when."""

    decision: Decision
    comment: str
    by: str
    realm: str
    at: str
    own: bool = False  # about their own account: a reader of the report wants to know

    @property
    def moment(self) -> datetime:
        """When."""
        return datetime.fromisoformat(self.at)

    def is_by(self, actor: Actor) -> bool:
        """Whether this person made it: another realm may know the same name."""
        return (self.by, self.realm) == (actor.username, actor.realm)

    def says_same(self, other: "Mark") -> bool:
        """Whether it is the same decision by the same person."""
        mine = (self.decision, self.comment, self.by, self.realm)
        return mine == (other.decision, other.comment, other.by, other.realm)

    def in_words(self) -> str:
        """For the trail: `remove: has left`."""
        return f"{self.decision}: {self.comment}" if self.comment else self.decision


@dataclass(frozen=True, slots=True)
class Item:
    """One user of a frozen list, and what was decided. `sealed`: the review is (being) signed off, and it stays as it is."""

    review: str
    number: int
    row: Mapping[str, Any] = field(default_factory=dict)
    mark: Mark | None = None
    sealed: bool = False
    version: Version | None = None

    @property
    def id(self) -> str:
        """The document's id."""
        return item_id(self.review, self.number)

    @property
    def username(self) -> str:
        """Whom it is about."""
        return str(self.row["username"])

    @property
    def seen(self) -> str:
        """The version, to stand in a form: what the reviewer saw when they decided."""
        return ".".join(map(str, self.version)) if self.version else ""

    def marked(self, mark: Mark) -> Self:
        """The same item with a decision."""
        return replace(self, mark=mark)

    def document(self) -> dict[str, Any]:
        """The document."""
        return {
            "kind": "item",
            "review": self.review,
            "number": self.number,
            "row": dict(self.row),
            "decision": self.mark.decision if self.mark else OPEN,
            "mark": asdict(self.mark) if self.mark else None,
            "sealed": self.sealed,
        }

    @classmethod
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """The item, as a search or a get returns it."""
        source = hit["_source"]
        mark = Mark(**source["mark"]) if source["mark"] else None
        return cls(source["review"], source["number"], source["row"], mark, source["sealed"], _version(hit))

    def row_line(self) -> bytes:
        """The frozen row, as it counts for the list's hash."""
        return _line({"number": self.number, **self.row})

    def decision_line(self) -> bytes:
        """Row and decision, as they count for the hash of the sign-off."""
        return _line({"number": self.number, **self.row, "mark": asdict(self.mark) if self.mark else None})


@dataclass(frozen=True, slots=True)
class Work:
    """How far a piece of long work is."""

    done: int
    total: int
    is_over: bool


def item_id(review_id: str, number: int) -> str:
    """Of the item's document."""
    return f"{review_id}-{number}"


def _line(fields: Mapping[str, Any]) -> bytes:
    """One line of an NDJSON file, always the same for the same facts."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _version(hit: Mapping[str, Any]) -> Version | None:
    return Version.of(hit) if "_seq_no" in hit else None
