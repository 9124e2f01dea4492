"""Events that aren't changes: sign-ins and sign-outs, ends of sessions, denied requests, commands.

None of these fails when the audit trail can't be written: reading and signing in continue, and the log has the error.
"""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.services import errors, request_context
from accounts.services.audit import writing
from accounts.services.audit.actions import Action
from accounts.services.audit.events import Event
from accounts.services.audit.reading import READABLE_INDICES
from accounts.services.client import AdministratorClient, service_client
from accounts.services.documents import indices
from accounts.services.request_context import Actor, SignInKey

logger = logging.getLogger(__name__)

INCORRECT_API_KEY: Final = "incorrect_api_key"


def record_sign_in(actor: Actor, session_id: str) -> None:
    """`session_id`: of the new session's document, to which everything that follows in this request belongs."""
    request_context.session_id.set(session_id)
    _record(actor, Action.SIGN_IN, actor.username, kind=_kind(actor))


def record_failed_sign_in(entered: str, reason: str) -> None:
    """`entered`: what was entered as username; `reason`: a code.

    People enter passwords as usernames by mistake, so the name is recorded only if the audit trail knows it as one already. Any
    other leaves a hash that is the same for the same text, and too short to find the text.
    """
    is_known = knows_username(entered)
    _record(
        Actor(entered if is_known else ""),
        Action.SIGN_IN,
        entered if is_known else "",
        kind="user",
        outcome="failure",
        reason=reason,
        details={} if is_known else {"typed": _hash(entered)},
    )


def record_failed_api_key(entered: str, key_id: str) -> None:
    """`entered`: what was entered as API key; `key_id`: the ID in it, "" if it hasn't the form of an API key.

    What hasn't that form may be a password.
    """
    details = {"key_id": key_id} if key_id else {"typed": _hash(entered)}
    _record(Actor(""), Action.SIGN_IN, "", kind="user", outcome="failure", reason=INCORRECT_API_KEY, details=details)


def record_sign_out(actor: Actor, session_id: str) -> None:
    """`session_id`: of the document of the session that ended."""
    request_context.session_id.set(session_id)
    _record(actor, Action.SIGN_OUT, actor.username, kind=_kind(actor))


def record_expired_sessions(documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Documents of sessions that were found to have expired, by ID. Each is recorded once, by the first process that finds it."""
    events = [
        event for id, document in documents.items() if document.get("username") and not _is_old(event := _expired(id, document))
    ]
    if not events:
        return
    try:
        writing.add_once(events)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: %s", Action.SESSION_EXPIRE)


def _expired(session_id: str, document: Mapping[str, Any]) -> Event:
    realm, realm_type = document.get("realm") or "", document.get("realm_type") or ""
    actor = Actor(document["username"], realm, realm_type, api_key=SignInKey.of(document))
    ended = datetime.fromisoformat(document["expires"])
    event = Event.now(actor, Action.SESSION_EXPIRE, actor.username, _kind(actor), outcome="success")
    index = indices.audit_index(ended)
    # Not caused by the current request, which may be of any user.
    return replace(event, id=session_id[:32], session=session_id, index=index, source="", request="", moment=ended)


def _is_old(event: Event) -> bool:
    """Whether it belongs to a month that is to be deleted. In a month that was deleted, it would be the only event."""
    retention = settings.AUDIT_RETENTION
    return bool(retention) and indices.is_audit_month_before(event.index, timezone.now() - retention)


def record_access_denied(actor: Actor, page: str, target: str, reason: str) -> None:
    """A request that was denied by usermgmt (in its words), by the cluster, or because of its form token (as codes)."""
    kind = "user" if target else ""
    _record(actor, Action.ACCESS_DENIED, target, kind=kind, outcome="failure", reason=reason, details={"page": page})


def record_command(administrator: AdministratorClient, command: str, details: Mapping[str, str]) -> None:
    """A command that has finished; written as the administrator, because the API key of usermgmt may not exist yet."""
    actor = replace(administrator.actor, command=command)
    event = Event.now(actor, Action.COMMAND, command, "command", outcome="success", details=details)
    try:
        writing.add(event, administrator)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: %s", Action.COMMAND)


def _record(actor: Actor, action: Action, target: str, **more: Any) -> None:
    try:
        writing.record_event(actor, action, target, **more)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: %s", action)


def _kind(actor: Actor) -> str:
    return "user" if actor.is_native_or_reserved else "account"


def knows_username(name: str) -> bool:
    """Whether a user of that name has signed in, or was created, with success. False if the audit trail can't be read."""
    happened = [{"terms": {"event.action": [Action.SIGN_IN, Action.USER_CREATE]}}, {"term": {"event.outcome": "success"}}]
    names = {"term": {"usermgmt.target.name": name}}
    try:
        found = service_client().search(**READABLE_INDICES, query={"bool": {"filter": [*happened, names]}}, size=1, source=False)
    except errors.ServiceError:
        return False
    return bool(found["hits"]["hits"])


def _hash(entered: str) -> str:
    return hmac.digest(settings.SECRET_KEY.encode(), f"usermgmt typed {entered}".encode(), "sha256").hex()[:6]
