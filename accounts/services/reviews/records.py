"""A review and its items, and the documents that they are: one for the review, one for each item (`<review>-<number>`)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services.documents import damage
from accounts.services.documents.store import Version
from accounts.services.exports.rows import NO_INFORMATION
from accounts.services.request_context import Actor
from accounts.services.reviews.subjects import SUBJECTS, USERS, Decision, Subject

# "snapshotting": the snapshot is being created; "signing": the decisions are being locked; "failed": there is no complete snapshot.
State = Literal["snapshotting", "failed", "open", "signing", "signed", "canceled"]

DECISIONS: Final[tuple[Decision, ...]] = ("keep", "change", "remove")
PENDING: Final = "pending"


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What shows that the snapshot is complete: when, where, by whom, of what, and how many rows against Elasticsearch's count.

    `anonymous_access`: whether all users have more roles than the rows show.
    """

    generated_at: damage.MomentText
    cluster: str
    cluster_id: str
    by: str
    filter: str
    rows: int
    total: int
    sha256: str
    anonymous_access: str = NO_INFORMATION

    @property
    def is_complete(self) -> bool:
        return self.rows == self.total

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.generated_at)


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who took responsibility for the decisions, when, and the hash of all of them, which the audit event has too."""

    by: str
    realm: str
    at: damage.MomentText
    sha256: str
    event: damage.Slug
    counts: Mapping[str, int]

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who ended the review without a sign-off, when, and why. `event`: in the audit trail."""

    by: str
    realm: str
    at: damage.MomentText
    reason: str
    event: damage.Slug

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Review:
    """An access review. `query`: the items that it is about; `filter`: its description; `reviewers`: none means anyone.

    `expected`: how many items matched when it was started.
    """

    id: str
    title: str
    created: datetime
    by: str
    filter: str
    query: Mapping[str, Any]
    subject: Subject[Any] = USERS
    due: date | None = None
    reviewers: tuple[str, ...] = ()
    state: State = "snapshotting"
    expected: int = 0
    snapshot: SnapshotManifest | None = None
    signer: str = ""
    sign_off: SignOff | None = None
    cancellation: Cancellation | None = None
    version: Version | None = None

    @property
    def has_snapshot(self) -> bool:
        """One that is canceled may have none."""
        return self.snapshot is not None if self.cancellation else self.state not in ("snapshotting", "failed")

    @property
    def can_be_canceled(self) -> bool:
        return self.state in ("snapshotting", "open", "signing")

    @property
    def ended(self) -> datetime | None:
        """When it was signed off or canceled, or its snapshot failed; None for one that goes on."""
        if self.state == "signed" and self.sign_off:
            return self.sign_off.moment
        if self.cancellation:
            return self.cancellation.moment
        return self.snapshot.moment if self.state == "failed" and self.snapshot else None

    @property
    def is_overdue(self) -> bool:
        return self.due is not None and self.state not in ("signed", "canceled") and self.due < timezone.localdate()

    def is_for(self, username: str) -> bool:
        """Whether this user is asked to review."""
        return not self.reviewers or username in self.reviewers

    def document(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["version"], fields["id"]
        dates = {"created": self.created.isoformat(), "due": self.due.isoformat() if self.due else None}
        names = {"kind": "review", "review": self.id, "reviewers": list(self.reviewers), "subject": self.subject.slug}
        return {**fields, **dates, **names}

    @classmethod
    @damage.checked
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """From a hit of a search or the answer to a get. Raises DocumentDamaged."""
        source = hit["_source"]
        names = ("title", "by", "filter", "query", "state", "expected", "signer")
        canceled = source.get("cancellation")  # versions before 0.2.0 couldn't cancel
        if (source["state"] == "canceled") != bool(canceled) or (canceled and source["sign_off"]):
            raise ValueError("what is canceled is never signed off")
        return cls(
            id=hit["_id"],
            subject=_subject(source),
            created=datetime.fromisoformat(source["created"]),
            due=date.fromisoformat(source["due"]) if source["due"] else None,
            reviewers=tuple(source["reviewers"]),
            snapshot=SnapshotManifest(**source["snapshot"]) if source["snapshot"] else None,
            sign_off=SignOff(**source["sign_off"]) if source["sign_off"] else None,
            cancellation=Cancellation(**canceled) if canceled else None,
            version=Version.known(hit),
            **{name: source[name] for name in names},
        )


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What a reviewer decided, and when. `own`: about their own account, which a reader of the report wants to know."""

    choice: Decision
    comment: str
    by: str
    realm: str
    at: damage.MomentText
    own: bool = False

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def is_by(self, actor: Actor) -> bool:
        """Usernames are unique only within a realm."""
        return (self.by, self.realm) == (actor.username, actor.realm)

    def is_same_as(self, other: "DecisionRecord") -> bool:
        """Whether it is the same decision by the same reviewer."""
        mine = (self.choice, self.comment, self.by, self.realm)
        return mine == (other.choice, other.comment, other.by, other.realm)

    def __str__(self) -> str:
        """For the audit trail, such as "remove: has left"."""
        return f"{self.choice}: {self.comment}" if self.comment else self.choice


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a snapshot, and the decision. `locked`: the review is signed off, or being signed off."""

    review: str
    number: int
    row: Mapping[str, Any] = field(default_factory=dict)
    decision: DecisionRecord | None = None
    locked: bool = False
    version: Version | None = None
    subject: Subject[Any] = USERS

    @property
    def id(self) -> str:
        return item_id(self.review, self.number)

    @property
    def identity(self) -> str:
        """What identifies the user, the API key, or the role mapping."""
        return str(self.row[self.subject.identity])

    @property
    def name(self) -> str:
        """The identity in words."""
        return self.subject.name(self.row)

    @property
    def seen(self) -> str:
        """The version in a form: what the reviewer saw when they decided."""
        return ".".join(map(str, self.version)) if self.version else ""

    def with_decision(self, decision: DecisionRecord) -> Self:
        return replace(self, decision=decision)

    def document(self) -> dict[str, Any]:
        return {
            "kind": "item",
            "review": self.review,
            "subject": self.subject.slug,
            "number": self.number,
            "row": dict(self.row),
            "choice": self.decision.choice if self.decision else PENDING,
            "decision": asdict(self.decision) if self.decision else None,
            "locked": self.locked,
        }

    @classmethod
    @damage.checked
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """From a hit of a search or the answer to a get. Raises DocumentDamaged."""
        source = hit["_source"]
        decision = DecisionRecord(**source["decision"]) if source["decision"] else None
        version, subject = Version.known(hit), _subject(source)
        subject.require_valid(source["row"])
        return cls(source["review"], source["number"], source["row"], decision, source["locked"], version, subject)

    def row_line(self) -> bytes:
        """The row of the snapshot, as its hash covers it."""
        return _line({"number": self.number, **self.row})

    def decision_line(self) -> bytes:
        """Row and decision, as the hash of the sign-off covers them."""
        return _line({"number": self.number, **self.row, "decision": asdict(self.decision) if self.decision else None})


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a long job is. Of removals, `after`: the number of the last item that was tried; `failed`: of this batch."""

    done: int
    total: int
    is_over: bool
    after: int = 0
    failed: int = 0


def item_id(review_id: str, number: int) -> str:
    """The ID of the item's document."""
    return f"{review_id}-{number}"


def _line(fields: Mapping[str, Any]) -> bytes:
    """One line of an NDJSON file, always the same for the same fields."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _subject(source: Mapping[str, Any]) -> Subject[Any]:
    """Reviews of versions that had no other subject are about users."""
    return SUBJECTS[source.get("subject", USERS.slug)]
