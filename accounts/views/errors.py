"""The page for each thing that goes wrong."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import policy
from accounts.http import submitted_fields
from accounts.services import audit, errors, request_context
from accounts.services.signin import operators
from usermgmt.logging import request_id

# type: (status, title, text)
PAGES: dict[type[errors.ServiceError], tuple[int, str, str]] = {
    errors.NotFound: (404, "Not found", "This user does not exist, or was deleted meanwhile."),
    errors.RoleNotFound: (404, "Not found", "This role does not exist, or was deleted meanwhile, and nobody has it."),
    errors.ReviewNotFound: (404, "Not found", "There is no such access review."),
    errors.ReviewClosed: (
        409,
        "This review is not open",
        "Its list is still being taken, or it is signed off, or somebody is signing it off. Nothing was changed.",
    ),
    errors.AuthenticationFailed: (
        503,
        "Elasticsearch can't check who you are",
        "This may be an outage of the cluster. You are still signed in here: try again in a moment.",
    ),
    errors.AccessDenied: (
        403,
        "Elasticsearch refused this",
        "Your account lacks the privilege for it. Contact your system administrator.",
    ),
    errors.UserOverwritten: (
        409,
        "Somebody created the same user at the same moment",
        "It was done outside of this product, and what you typed has replaced it. Look at the user, and talk to your colleagues.",
    ),
    errors.Conflict: (
        409,
        "Somebody else changed the same thing at this moment",
        "This was not done. Look again, and repeat it if it is still needed.",
    ),
    errors.Invalid: (400, "Elasticsearch did not accept this", "This was not done."),
    errors.Unavailable: (503, "Elasticsearch can't be reached", "This was not done. Try again in a moment."),
    errors.AuditUnavailable: (503, "This could not be recorded, so it was not done", ""),
    errors.OutcomeUnknown: (
        504,
        "The answer of Elasticsearch was lost",
        "The change may or may not have been done. Look at the user before you repeat it.",
    ),
    errors.NotSetUp: (
        503,
        "This product is not set up for the cluster",
        "Its API key is missing or not accepted any more. An administrator can run the command: manage.py setup_cluster",
    ),
}
# What Elasticsearch (or the way to it) says when it does not take a record.
NOT_RECORDED = {
    "security_exception": "The product's key may not add to the audit trail. An administrator can run: manage.py setup_cluster",
    "NotSetUp": "The product's key is missing or not accepted. An administrator can run: manage.py setup_cluster",
    "cluster_block_exception": "The index of the audit trail is read-only. A full disk does that, too.",
    "index_closed_exception": "The index of the audit trail is closed.",
    "document_parsing_exception": "The index of the audit trail was not made by setup_cluster. An administrator can run it again.",
    "Unavailable": "Elasticsearch can't be reached. Try again in a moment.",
    "OutcomeUnknown": "Elasticsearch did not answer in time. Try again in a moment.",
}


def service_error(request: HttpRequest, exc: errors.ServiceError) -> HttpResponse:
    """The page of a service error; the cluster's own words are in the log, under the request id on the page."""
    kind = next(kind for kind in type(exc).__mro__ if kind in PAGES)
    status, title, text = PAGES[kind]
    if isinstance(exc, errors.AuditUnavailable):
        text = NOT_RECORDED.get(exc.why, "Elasticsearch does not take the record.")
    return _page(request, status, title, text, retry=status == 503)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403. Whoever may not manage (or see) users is told whom to ask; others why this one thing is refused."""
    reason = str(exception)
    if reason == policy.NOT_PRIVILEGED:
        return render(
            request, "errors/not_privileged.html", {"title": reason, "text": "Contact your system administrator."}, status=403
        )
    return _page(request, 403, "This can't be done", reason)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return _page(request, 404, "Page not found", "There is no page at this address.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a form without the token of this browser: sent from elsewhere, or cookies are off, or it was open during a sign-in."""
    actor = _actor(request)
    if actor:  # the forms of those who are not signed in would let everybody fill the trail
        audit.record_access_denied(actor, *page_and_target(request), "CSRF")
    return render(request, "403_csrf.html", status=403)


def too_large(request: HttpRequest) -> HttpResponse:
    """For what is sent to us and is larger than anything that we ask for; it is not read."""
    return render(request, "413.html", status=413)


def page_and_target(request: HttpRequest) -> tuple[str, str]:
    """The page's name, and whom it is about: what the trail says of a refusal."""
    match = request.resolver_match
    return (match.url_name or "", str(match.kwargs.get("username", ""))) if match else ("", "")


def _actor(request: HttpRequest) -> request_context.Actor | None:
    try:
        return operators.actor_of(request.session)
    except errors.ServiceError:
        return None


def _page(request: HttpRequest, status: int, title: str, text: str, *, retry: bool = False) -> HttpResponse:
    context: dict[str, Any] = {
        "status": status,
        "title": title,
        "text": text,
        "request_id": request_id.get(),
        "retry": request.get_full_path() if retry else "",
        "typed": submitted_fields(request),
        "sign_in": getattr(request, "user", None) is None and status != 503,
    }
    return render(request, "errors/error.html", context, status=status)
