"""The history of a user: their events in the audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import requires_reader
from accounts.forms.audit import AuditForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import audit, users
from accounts.services.audit import Event, UserActivity
from accounts.services.errors import NotFound, ServiceError
from accounts.views.audit import url_with


@require_GET
@requires_reader
def history(request: AppRequest, username: str) -> HttpResponse:
    """The events of one user: a page, or the part that the user's page requests."""
    is_part = wants_fragment(request, "user-history")
    after = AuditForm(request.GET).query().after
    context: dict[str, Any] = {"username": username}
    try:
        page = audit.of_target("user", username, size=10 if is_part else 50, after=after)
        known, trail_start = audit.activity_and_trail_start([username])
        activity = known.get(username, UserActivity())
        own, earlier = _split(page.events, activity.since)
        context |= {"own": own, "earlier": earlier, "older": page.next and url_with(request, after=page.next)}
        context |= {"trail_start": trail_start, "activity": activity}
        context["exists"] = is_part or _exists(request, username)
    except ServiceError:
        if not is_part:
            raise
        context["problem"] = "Couldn't load the audit trail. Reload the page to try again."
    return render(request, "users/_history.html" if is_part else "users/history.html", context)


def _exists(request: AppRequest, username: str) -> bool:
    try:
        users.get(request.user.client, username)
    except NotFound:
        return False
    return True


def _split(events: Sequence[Event], since: datetime | None) -> tuple[Sequence[Event], Sequence[Event]]:
    """The events of the user, and those of an earlier user of the same name, who ended with being deleted."""
    own = [event for event in events if not (since and (event.ended or event.moment) < since)]
    while own and own[-1].action == audit.Action.USER_DELETE and own[-1].outcome == "success":
        own.pop()
    return own, events[len(own) :]
