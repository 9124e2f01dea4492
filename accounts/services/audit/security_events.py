"""Notes about what is no change: sign-in, sign-out, the end of a session, a refusal, a command.

None of these fails because the trail does not take the note: reading and signing in go on without it, and the log says so.
"""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.services import errors, request_context
from accounts.services.audit import writing
from accounts.services.audit.events import Event
from accounts.services.audit.reading import PLACE
from accounts.services.client import AdministratorClient, service_client
from accounts.services.documents import indices
from accounts.services.request_context import Actor

logger = logging.getLogger(__name__)


def record_sign_in(actor: Actor, session_id: str) -> None:
    """`session_id`: of the new session's document, to which everything that follows in this request belongs."""
    request_context.session_id.set(session_id)
    _note(actor, "sign-in", actor.username, kind=_kind(actor))


def record_failed_sign_in(typed: str, why: str) -> None:
    """Somebody was not let in, with what they typed as a name.

    People type passwords there by mistake. So the name is written only if the trail knows it as one already; any other leaves
    a mark that is the same for the same text and too short to find the text by.
    """
    known = _is_known(typed)
    _note(
        Actor(typed if known else ""),
        "sign-in",
        typed if known else "",
        kind="user",
        outcome="failure",
        reason=why,
        details={} if known else {"typed": _mark(typed)},
    )


def record_sign_out(actor: Actor, session_id: str) -> None:
    """`session_id`: of the document of the session that ended."""
    request_context.session_id.set(session_id)
    _note(actor, "sign-out", actor.username, kind=_kind(actor))


def record_expired_sessions(documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Sessions, by their hash, that were met or swept away after their time. Each is noted once, whoever meets it."""
    events = [_expired(name, document) for name, document in documents.items() if document.get("username")]
    if not events:
        return
    try:
        writing.add_once(events)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: session-expire")


def _expired(session_hash: str, document: Mapping[str, Any]) -> Event:
    actor = Actor(document["username"], document.get("realm") or "", document.get("realm_type") or "")
    ended = datetime.fromisoformat(document["expires"])
    event = Event.now(actor, "session-expire", actor.username, _kind(actor), outcome="success")
    index = f"{indices.AUDIT}-{ended:%Y.%m}"
    # Nobody did it: the request that meets it may be anybody's.
    return replace(event, id=session_hash[:32], session=session_hash, index=index, source="", request="", moment=ended)


def record_access_denied(actor: Actor, page: str, target: str, why: str) -> None:
    """Somebody may not do that: by our own rules, by the cluster's, or because the form came from elsewhere."""
    _note(actor, "refused", target, kind="user" if target else "", outcome="failure", reason=why, details={"page": page})


def record_command(administrator: AdministratorClient, command: str, details: Mapping[str, str]) -> None:
    """A command has done its work, with the rights of the administrator who ran it: the product's key may be newer than that."""
    actor = replace(administrator.actor, command=command)
    event = Event.now(actor, "command", command, "command", outcome="success", details=details)
    try:
        writing.add(event, administrator)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: command")


def _note(actor: Actor, action: str, target: str, **more: Any) -> None:
    try:
        writing.record_event(actor, action, target, **more)
    except errors.AuditUnavailable:
        logger.exception("Could not write audit event: %s", action)


def _kind(actor: Actor) -> str:
    return "user" if actor.is_native_or_reserved else "account"


def _is_known(name: str) -> bool:
    """Whether somebody of that name has signed in, or was made here."""
    happened = [{"terms": {"event.action": ["sign-in", "user-create"]}}, {"term": {"event.outcome": "success"}}]
    names = {"term": {"usermgmt.target.name": name}}
    try:
        found = service_client().search(**PLACE, query={"bool": {"filter": [*happened, names]}}, size=1, source=False)
    except errors.ServiceError:
        return False
    return bool(found["hits"]["hits"])


def _mark(typed: str) -> str:
    return hmac.digest(settings.SECRET_KEY.encode(), f"usermgmt typed {typed}".encode(), "sha256").hex()[:6]
