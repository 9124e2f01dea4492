"""An event of the audit trail and its documents: ECS fields, and `usermgmt` for what ECS has no field for."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

from django.utils import timezone

from accounts.services import errors, request_context
from accounts.services.documents import damage, indices
from accounts.services.request_context import Actor
from usermgmt.logging import request_id

Outcome = Literal["success", "failure", "unknown"]
# Intent and outcome of a change; "verified": its outcome, found out later; "single": an event that isn't a change.
Stage = Literal["intent", "outcome", "verified", "single"]
Changes = Mapping[str, tuple[Any, Any]]

MAX_NAME_LENGTH: Final = 1024  # changed values have no limit
ECS_VERSION: Final = "8.11.0"
OUTCOMES: Final = ("", "success", "failure", "unknown")
STAGES: Final = ("intent", "outcome", "verified", "single")
DAMAGED: Final = "damaged_event"  # as the reason
# Of the fields of a user in `changes`, if they have a value. Of everything else, `is_plain` is enough.
USER_FIELDS: Final = {"full_name": str, "email": str, "roles": list, "enabled": bool, "metadata": str}


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    moment: datetime
    actor: Actor
    action: str
    kind: str
    target: str
    outcome: Outcome | Literal[""] = ""
    reason: str = ""
    changes: Changes = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    session: str = ""
    request: str = ""
    stage: Stage = "single"
    index: str = ""
    ended: datetime | None = None
    verification: "Event | None" = None

    @property
    def is_damaged(self) -> bool:
        """Whether one of its documents isn't as usermgmt wrote it. What became of the change isn't known from that."""
        return self.reason == DAMAGED

    @property
    def is_applied(self) -> bool:
        """Whether the change was made: also if only its metadata wasn't written (see `MetadataErased`), which is a failure."""
        return self.outcome == "success" or self._has_erased_metadata

    @property
    def may_be_applied(self) -> bool:
        """The same, or nobody knows."""
        return self.outcome != "failure" or self._has_erased_metadata

    def is_stage_of(self, intent: "Event") -> bool:
        """Whether this is another stage of the same change: one that another change has isn't, whatever its ID."""
        same = (intent.id, intent.actor.username, intent.actor.realm, intent.action, intent.kind, intent.target)
        return (self.id, self.actor.username, self.actor.realm, self.action, self.kind, self.target) == same

    @property
    def resulting_changes(self) -> Changes:
        """The changes as they are after the outcome: erased metadata is empty."""
        if not self._has_erased_metadata or "metadata" not in self.changes:
            return self.changes
        return {**self.changes, "metadata": (self.changes["metadata"][0], None)}

    @property
    def _has_erased_metadata(self) -> bool:
        return self.outcome == "failure" and self.reason == errors.MetadataErased.code

    @classmethod
    def now(cls, actor: Actor, action: str, target: str, kind: str, **more: Any) -> Self:
        """A new event, with address, session, and ID of the current request."""
        moment = timezone.now()
        return cls(
            id=uuid.uuid4().hex,
            moment=moment,
            actor=actor,
            action=action,
            kind=kind,
            target=target,
            source=request_context.source_address.get(),
            session=request_context.session_id.get(),
            request=request_id.get(),
            index=indices.audit_index(moment),
            **more,
        )

    def at(self, stage: Stage, outcome: Outcome | Literal[""] = "", reason: str = "") -> Self:
        """The same event at another stage. It stays in its index, so one month has all stages."""
        moment = self.moment if stage == "intent" else timezone.now()
        return replace(self, stage=stage, outcome=outcome, reason=reason, moment=moment)

    def operations(self) -> list[dict[str, Any]]:
        """The `_bulk` operations that add this stage, once.

        `dynamic_templates` makes Elasticsearch reject it in an index without our template, where searches wouldn't find it.
        """
        metadata = {
            "_index": self.index,
            "_id": f"{self.id}-{self.stage}",
            "dynamic_templates": {"usermgmt.stage": indices.AUDIT_MARKER},
        }
        return [{"create": metadata}, self.document()]

    def document(self) -> dict[str, Any]:
        """This stage as a document."""
        return {
            "@timestamp": self.moment.isoformat(),
            "ecs": {"version": ECS_VERSION},
            "event": _filled(
                id=self.id,
                kind="event",
                module="usermgmt",
                dataset="usermgmt.audit",
                category=["iam"] if self.kind == "user" else ["configuration"],
                action=self.action,
                outcome=self.outcome,
                reason=self.reason,
            ),
            "user": _filled(
                name=self.actor.username,
                domain=self.actor.realm,
                target={"name": self.target[:MAX_NAME_LENGTH]} if self.kind == "user" and self.target else None,
            ),
            **_filled(source={"ip": self.source} if self.source else None, trace={"id": self.request} if self.request else None),
            "usermgmt": _filled(
                stage=self.stage,
                session=self.session,
                realm_type=self.actor.realm_type,
                command=self.actor.command,
                target=_filled(kind=self.kind, name=self.target[:MAX_NAME_LENGTH]),
                changes=[{"field": name, "before": _plain(was), "after": _plain(now)} for name, (was, now) in self.changes.items()],
                details=self._details(),
            ),
        }

    def _details(self) -> dict[str, str]:
        key = self.actor.api_key
        return {**self.details, "api_key": str(key)} if key else dict(self.details)

    @classmethod
    def of(cls, hit: Mapping[str, Any]) -> Self:
        """One stage, from a hit of a search or the answer to a get. Other programs may have written it: see `is_damaged`."""
        try:
            return cls._of(hit)
        except damage.ERRORS:
            return cls._damaged(hit)

    @classmethod
    def _damaged(cls, hit: Mapping[str, Any]) -> Self:
        """An event of its own, with what can be read."""
        source = hit["_source"]
        id = hit["_id"] if damage.SLUG.fullmatch(hit["_id"]) else ""
        try:
            moment = _moment(source["@timestamp"])
        except damage.ERRORS:
            moment = damage.UNKNOWN_TIME
        return cls(
            id=id,
            moment=moment,
            actor=Actor(damage.text_at(source, "user", "name"), damage.text_at(source, "user", "domain")),
            action=damage.text_at(source, "event", "action"),
            kind=damage.text_at(source, "usermgmt", "target", "kind"),
            target=damage.text_at(source, "usermgmt", "target", "name"),
            outcome="unknown",
            reason=DAMAGED,
            index=hit["_index"],
        )

    @classmethod
    def _of(cls, hit: Mapping[str, Any]) -> Self:
        source = hit["_source"]
        event, user, ours = source["event"], source["user"], source["usermgmt"]
        found = cls(
            id=event["id"],
            moment=_moment(source["@timestamp"]),
            actor=Actor(user.get("name", ""), user.get("domain", ""), ours.get("realm_type", ""), ours.get("command", "")),
            action=event["action"],
            kind=ours.get("target", {}).get("kind", ""),
            target=ours.get("target", {}).get("name", ""),
            outcome=event.get("outcome", ""),
            reason=event.get("reason", ""),
            changes={change["field"]: (change["before"], change["after"]) for change in ours.get("changes", [])},
            details=ours.get("details", {}),
            source=source.get("source", {}).get("ip", ""),
            session=ours.get("session", ""),
            request=source.get("trace", {}).get("id", ""),
            stage=ours["stage"],
            index=hit["_index"],
        )
        found._require_valid()
        return found

    def _require_valid(self) -> None:
        """Raises TypeError, ValueError, KeyError."""
        actor, details = self.actor, self.details
        texts = [self.id, actor.username, actor.realm, actor.realm_type, actor.command, self.action, self.kind, self.target]
        texts += [self.reason, self.source, self.session, self.request, *self.changes, *details.values()]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text is something else")
        kinds = USER_FIELDS if self.kind == "user" else {}
        for name, values in self.changes.items():
            if not all(value is None or (is_plain(value) and isinstance(value, kinds.get(name, object))) for value in values):
                raise TypeError(name)
        if self.outcome not in OUTCOMES or self.stage not in STAGES or self.reason == DAMAGED:
            raise ValueError("unknown outcome or stage")
        if not all(damage.SLUG.fullmatch(id) for id in (self.id, details.get("restores", self.id))):
            raise ValueError("no ID")
        if self.stage == "verified":
            _moment(details["verified_at"]), details["verified_by"]


def _moment(text: str) -> datetime:
    """Without a time zone, UTC, as Elasticsearch takes it. Raises TypeError, ValueError."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not damage.is_moment(moment):
        raise ValueError("no page can show this time")
    return moment


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, [], {})}


def is_plain(value: Any) -> bool:
    """Whether the mapping takes this value of a change: text, boolean, null, or a list of texts."""
    return isinstance(value, str | bool | None) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _plain(value: Any) -> Any:
    """A value that the mapping takes; anything else as JSON."""
    value = list(value) if isinstance(value, tuple) else value
    return value if is_plain(value) else json.dumps(value, sort_keys=True)
