"""The audit trail: all of it, one event, one user's history."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import requires_manager, requires_reader, requires_valid_credentials
from accounts.forms.audit import AuditForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import audit
from accounts.services.errors import AuthenticationFailed, Conflict, ServiceError
from accounts.services.users import outcomes

NOT_ACCEPTED = "Elasticsearch rejected this password. The other password wasn't tested."
KNOWN = "The outcome of this change is already known."


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The trail, newest first, as far as it fits the filters; the first page refreshes itself unless told not to."""
    form = AuditForm(request.GET)
    query = form.query()
    page = audit.search(query)
    context = {
        "form": form,
        "page": page,
        "is_first": not query.after,
        "is_live": not query.after and request.GET.get("live") != "0",
        "older": _address(request, after=page.next),
        "newest": _address(request),
        "live": _address(request, live=""),
        "still": _address(request, live="0"),
    }
    return render(request, "audit/_results.html" if wants_fragment(request, "audit-results") else "audit/list.html", context)


@require_GET
@requires_reader
def event(request: AppRequest, event_id: str) -> HttpResponse:
    """One event with all that is known of it. Raises NotFound."""
    found = audit.get(event_id)
    can_verify = request.user.can_manage and found.outcome == "unknown"
    return render(request, "audit/event.html", {"event": found, "can_verify": can_verify})


@sensitive_post_parameters("password")
@require_POST
@requires_manager
@requires_valid_credentials
def verify(request: AppRequest, event_id: str) -> HttpResponse:
    """Verify outcome for what became of a change; for a password change, try the password that was typed."""
    client = request.user.client
    try:
        if password := request.POST.get("password"):
            is_new = request.POST.get("which") == "new"
            found = outcomes.verify_password_outcome(client, event_id, password, is_new=is_new)
        else:
            found = outcomes.verify_outcome(client, event_id)
    except Conflict:
        messages.info(request, KNOWN)
    except AuthenticationFailed:
        messages.warning(request, NOT_ACCEPTED)
    else:
        (messages.warning if found.outcome == "unknown" else messages.success)(request, found.reason)
    return redirect("audit_event", event_id)


@require_GET
@requires_reader
def history(request: AppRequest, username: str) -> HttpResponse:
    """What was done to one user: a page, or what the user's page asks for when it is open."""
    is_part = wants_fragment(request, "user-history")
    after = AuditForm(request.GET).query().after
    context: dict[str, Any] = {"username": username}
    try:
        page = audit.of_target("user", username, size=10 if is_part else 50, after=after)
        context |= {"page": page, "older": _address(request, after=page.next), "trail_start": audit.trail_start()}
    except ServiceError:
        if not is_part:
            raise
        context["problem"] = "Couldn't load the audit trail. Reload the page to try again."
    return render(request, "users/_history.html" if is_part else "users/history.html", context)


def _address(request: AppRequest, **values: str) -> str:
    """This page's address with other values, on the first page unless `after` is one of them."""
    query = request.GET.copy()
    for name in ("after", *values):
        query.pop(name, None)
    for name, value in values.items():
        if value:
            query[name] = value
    return f"{request.path}?{query.urlencode()}"
