"""The audit trail: all events, one event, and the verification of its outcome."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import requires_manager, requires_reader, requires_valid_credentials
from accounts.forms.audit import AuditForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import audit, passwords
from accounts.services.errors import AuthenticationFailed, Conflict
from accounts.services.exports import trail_table
from accounts.services.users import outcomes, restores
from accounts.views.exports import table_export

NOT_ACCEPTED = "Elasticsearch rejected this password. The other password wasn't tested."
KNOWN = "The outcome of this change is already known."


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """The matching events, newest first. The first page refreshes itself unless `live=0`."""
    form = AuditForm(request.GET)
    query = form.query()
    page = audit.search(query, allows_partial=True)
    context = {
        "form": form,
        "page": page,
        "is_by_outcome": query.is_by_outcome,
        "is_first": not query.after,
        "is_live": not query.after and request.GET.get("live") != "0",
        "parameters": form.query_string(),
        "older": url_with(request, after=page.next),
        "newest": url_with(request),
        "live": url_with(request, live=""),
        "still": url_with(request, live="0"),
    }
    return render(request, "audit/_results.html" if wants_fragment(request, "audit-results") else "audit/list.html", context)


@require_http_methods(["GET", "POST"])
@requires_reader
@requires_valid_credentials
def export(request: AppRequest) -> HttpResponseBase:
    """All matching events as a file, not only one page of them."""
    form = AuditForm(request.GET)
    table = trail_table.table(form.query(), form.query_string())
    return table_export(request, table, f"{reverse('audit')}?{form.query_string()}")


@require_GET
@requires_reader
def event(request: AppRequest, event_id: str) -> HttpResponse:
    """One event with all details. Raises EventNotFound."""
    found = audit.get(event_id)
    context = {
        "event": found,
        "can_verify": request.user.can_manage and found.outcome == "unknown" and not found.is_damaged,
        "restored_by": restores.restored_by(found) if restores.is_restorable(found) else None,
        "is_not_recorded": found.action in restores.RESTORABLE and restores.denial_reason(found) == restores.NOT_RECORDED,
    }
    return render(request, "audit/event.html", context)


@sensitive_post_parameters("password")
@require_POST
@requires_manager
@requires_valid_credentials
def verify(request: AppRequest, event_id: str) -> HttpResponse:
    """Verify the outcome of a change. For a password change, test the given password."""
    client = request.user.client
    try:
        if password := request.POST.get("password"):
            is_new = request.POST.get("which") == "new"
            found = passwords.verify_outcome(client, event_id, password, is_new=is_new)
        else:
            found = outcomes.verify_outcome(client, event_id)
    except Conflict:
        messages.info(request, KNOWN)
    except AuthenticationFailed:
        messages.warning(request, NOT_ACCEPTED)
    else:
        (messages.warning if found.outcome == "unknown" else messages.success)(request, found.reason)
    return redirect("audit_event", event_id)


def url_with(request: AppRequest, **values: str) -> str:
    """The URL of this page with changed parameters, at the first page unless `after` is one of them."""
    query = request.GET.copy()
    for name in ("after", *values):
        query.pop(name, None)
    for name, value in values.items():
        if value:
            query[name] = value
    return f"{request.path}?{query.urlencode()}"
