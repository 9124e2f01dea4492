"""A job and its steps, and their documents."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services import errors
from accounts.services.documents import damage, signing
from accounts.services.documents.batches import Claimable
from accounts.services.documents.store import Version, known_fields
from accounts.services.request_context import Actor
from accounts.services.users import User, UserQuery

RoleAction = Literal["add-roles", "remove-roles", "replace-roles"]
Action = Literal["activate", "deactivate", "reset-passwords", "revoke-api-keys", "delete", "import", "damaged"] | RoleAction
State = Literal["planning", "planned", "running", "paused", "finished"]
# "started": a process makes the change, or was killed while it did.
Result = Literal["pending", "started", "success", "failure", "unknown", "skipped"]

ACTIONS: Final[dict[Action, str]] = {
    "activate": "Activate users",
    "deactivate": "Deactivate users",
    "add-roles": "Add roles",
    "remove-roles": "Remove roles",
    "replace-roles": "Replace roles",
    "reset-passwords": "Reset passwords",
    "revoke-api-keys": "Revoke API keys",
    "delete": "Delete users",
    "import": "Import users",
}
# Of the signatures of jobs, steps, and lines.
PURPOSE: Final = "bulk change"
# How long a bulk change goes on after its operator confirmed it, so that an old document that was put back isn't carried out.
CONFIRMED_FOR: Final = timedelta(hours=12)
ROLE_ACTIONS: Final[tuple[Action, ...]] = ("add-roles", "remove-roles", "replace-roles")
STATES: Final[dict[State, str]] = {
    "planning": "Creating preview",
    "planned": "Preview",
    "running": "In progress",
    "paused": "Paused",
    "finished": "Finished",
}


@dataclass(frozen=True)
class Job(Claimable):
    """A bulk change: of the users with these `usernames`, of all that match `query`, described by `filter`, or of a file's lines.

    `parts`: the batches of steps that belong to it; what a killed process wrote beside them doesn't count. `operator`: who carries
    it out, and `operator_realm`: their realm. `administrators`: how many of the planned changes take the permission to manage users
    from an active user. Of an import, `creations`: how many users will be created, `warnings`: how many have one, and `filter` is
    the name of the file. `revokes_keys`: whether the API keys of users who are deactivated or deleted are revoked, too.
    `passwords_for`: the unique names of operators who haven't downloaded the new passwords that they set. `passwords_taken`: when
    one last did, and `passwords_taken_by`: who. `confirmed`: when the operator last started, resumed, or retried it.

    `is_authentic`: whether the document that was read has a valid signature. `has_forged_parts`: a step or line has none.
    """

    id: str
    action: Action
    created: datetime
    created_by: str
    filter: str
    roles: tuple[str, ...] = ()
    revokes_keys: bool = False
    usernames: tuple[str, ...] = ()
    query: Mapping[str, Any] | None = None
    state: State = "planning"
    after: str = ""
    read: int = 0
    total: int = 0
    parts: tuple[str, ...] = ()
    administrators: int = 0
    creations: int = 0
    warnings: int = 0
    operator: str = ""
    operator_realm: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    passwords_for: tuple[str, ...] = ()
    passwords_taken: datetime | None = None
    passwords_taken_by: str = ""
    confirmed: datetime | None = None
    has_forged_parts: bool = False
    is_authentic: bool = field(default=True, compare=False)
    version: Version | None = field(default=None, compare=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the answer to a get or a hit of a search. A damaged one isn't authentic, whatever its signature."""
        try:
            return cls._of(document)
        except errors.DocumentDamaged:
            return cls(
                id=document["_id"],
                action="damaged",
                created=damage.UNKNOWN_TIME,
                created_by=damage.text_at(document["_source"], "created_by"),
                filter=damage.text_at(document["_source"], "filter"),
                is_authentic=False,
                version=Version.known(document),
            )

    @classmethod
    @damage.checked
    def _of(cls, document: Mapping[str, Any]) -> Self:
        source = known_fields(cls, document["_source"])
        for name in ("created", "started", "finished", "claimed_until", "passwords_taken", "confirmed"):
            source[name] = datetime.fromisoformat(source[name]) if source.get(name) else None
        for name in ("roles", "usernames", "parts", "passwords_for"):
            source[name] = tuple(source.get(name, ()))
        source["is_authentic"] = signing.is_authentic(PURPOSE, document["_id"], document["_source"])
        return cls(id=document["_id"], version=Version.known(document), **source)

    def document(self) -> dict[str, Any]:
        """With its signature."""
        body = {name: value for name, value in vars(self).items() if name not in ("id", "version", "is_authentic")}
        times = {name: value.isoformat() for name, value in body.items() if isinstance(value, datetime)}
        return signing.signed(PURPOSE, self.id, {"kind": "job", **body, **times})

    @property
    def is_refused(self) -> bool:
        """Whether it can only be viewed and discarded."""
        return not self.is_authentic or self.has_forged_parts

    @property
    def title(self) -> str:
        if self.is_damaged:
            return "Damaged bulk change"
        label = ACTIONS[self.action] + (" and revoke their API keys" if self.revokes_keys else "")
        return f"{label}: {', '.join(self.roles)}" if self.roles else label

    @property
    def is_revoking(self) -> bool:
        """Whether it revokes API keys."""
        return self.revokes_keys or self.action == "revoke-api-keys"

    def operated_by(self, actor: Actor) -> Self:
        return replace(self, operator=actor.username, operator_realm=actor.realm)

    def is_operated_by(self, actor: Actor) -> bool:
        """Whether the actor is to carry it out, and confirmed that lately."""
        is_confirmed = self.confirmed is not None and timezone.now() < self.confirmed + CONFIRMED_FOR
        return is_confirmed and (self.operator, self.operator_realm) == (actor.username, actor.realm)

    @property
    def has_new_passwords(self) -> bool:
        """Whether it sets passwords that it has generated."""
        return self.action == "reset-passwords" or bool(self.passwords_for or self.passwords_taken)

    def has_passwords_for(self, actor: Actor) -> bool:
        """Whether the actor can download the new passwords that they set."""
        return actor.unique_name in self.passwords_for

    @property
    def state_label(self) -> str:
        return "Damaged" if self.is_damaged or self.has_forged_parts else STATES[self.state]

    @property
    def is_damaged(self) -> bool:
        """Whether a field of its document is missing or invalid: another program has written it."""
        return self.action == "damaged"

    @property
    def user_query(self) -> UserQuery | None:
        """The users that are to be changed, sorted by username; None for selected ones."""
        if self.query is None:
            return None
        lists = {name: tuple(self.query[name]) for name in ("roles", "flags")}
        return UserQuery(**{**self.query, **lists})


QUERY_FIELDS: Final = ("q", "roles", "status", "kind", "flags", "password_days")


def stored_query(query: UserQuery) -> dict[str, Any]:
    """What of the query says which users match."""
    return {name: value for name, value in asdict(query).items() if name in QUERY_FIELDS}


@dataclass(frozen=True)
class Step:
    """The change of one user. `was`: roles and whether they were active in the preview; None if there was no such user.

    `operator`: the unique name of who began the change. `request`: the ID of that request, which its event in the audit trail has
    too. `begun`: when, or when it was last tried to verify the unknown outcome. `reason`: why the user is skipped, in words, or why
    the change failed, as a code of `audit.actions.REASONS` or in words.

    `secret`: the new password, encrypted. `notes`: what else the preview says. Of an import, `line`: in the file, and `values`:
    its fields as JSON. `attempt`: each has an event of its own in the audit trail. `is_authentic`: whether the document that
    was read has a valid signature.
    """

    job: str
    part: str
    number: int
    username: str
    was: Mapping[str, Any] | None = None
    state: Result = "pending"
    reason: str = ""
    operator: str = ""
    request: str = ""
    begun: datetime | None = None
    line: int = 0
    values: str = ""
    secret: str = field(default="", repr=False)
    change: Literal["", "create", "update"] = ""
    notes: tuple[str, ...] = ()
    attempt: int = 0
    is_authentic: bool = field(default=True, compare=False)
    version: Version | None = field(default=None, compare=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the answer to a get or a hit of a search by number. A damaged one isn't authentic, whatever its signature."""
        try:
            return cls._of(document)
        except errors.DocumentDamaged:
            source = document["_source"]
            return cls(
                job=damage.text_at(source, "job"),
                part=damage.text_at(source, "part"),
                number=int((document.get("sort") or [0])[-1] or 0),  # after which the next page begins
                username=damage.text_at(source, "username"),
                state="skipped",
                reason=damage.REASON,
                is_authentic=False,
                version=Version.known(document),
            )

    @classmethod
    @damage.checked
    def _of(cls, document: Mapping[str, Any]) -> Self:
        source = known_fields(cls, document["_source"])
        source["notes"] = tuple(source.get("notes", ()))
        source["begun"] = datetime.fromisoformat(source["begun"]) if source.get("begun") else None
        source["is_authentic"] = signing.is_authentic(PURPOSE, document["_id"], document["_source"])
        found = cls(version=Version.known(document), **source)
        if not all(isinstance(role, str) for role in found.roles):
            raise TypeError("roles")
        return found

    @property
    def id(self) -> str:
        return f"{self.part}-{self.number}"

    def document(self) -> dict[str, Any]:
        """With its signature."""
        body = {name: value for name, value in vars(self).items() if name not in ("version", "is_authentic")}
        begun = self.begun.isoformat() if self.begun else None
        return signing.signed(PURPOSE, self.id, {"kind": "step", **body, "begun": begun})

    @property
    def event_id(self) -> str:
        """Of the event of its change, which the audit trail takes only once: a step that is put back isn't carried out again."""
        return signing.digest(f"{PURPOSE} event", self.id, [self.job, self.attempt])[:32]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the user in the preview."""
        return tuple((self.was or {}).get("roles", ()))


@dataclass(frozen=True)
class Change:
    """A step with the user as they are now (None: to be created) and are to be (None: deleted)."""

    step: Step
    user: User | None
    wanted: User | None


def seen(user: User) -> dict[str, Any]:
    """What a step keeps of the user in the preview."""
    return {"roles": list(user.roles), "enabled": user.enabled}


@dataclass(frozen=True)
class Counts:
    """How many steps are in each state, and how many are skipped for each reason."""

    pending: int = 0
    started: int = 0
    success: int = 0
    failure: int = 0
    unknown: int = 0
    skipped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.pending + self.started + self.processed + self.skipped

    @property
    def processed(self) -> int:
        return self.success + self.failure + self.unknown

    @property
    def to_do(self) -> int:
        """How many users there were to change at first; some of them may have been skipped since."""
        return self.pending + self.started + self.processed

    @property
    def is_over(self) -> bool:
        return not self.pending and not self.started
