"""Error pages."""

import logging
from typing import Any, Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render

from accounts import policy, proxies
from accounts.http import submitted_fields
from accounts.services import audit, errors, request_context
from accounts.services.signin import operators
from usermgmt.logging import request_id

logger = logging.getLogger(__name__)

UNKNOWN_ADDRESS: Final = "usermgmt isn't configured for this address"
NOT_SET_UP = "The cluster isn't set up the way usermgmt needs"
SETUP = "An administrator must run `manage.py setup_cluster`."
# type: (status, title, text)
PAGES: dict[type[errors.ServiceError], tuple[int, str, str]] = {
    errors.NotFound: (404, "Not found", "This user doesn't exist or was deleted."),
    errors.RoleNotFound: (404, "Not found", "This role doesn't exist and isn't assigned to any user."),
    errors.ReviewNotFound: (404, "Not found", "This access review doesn't exist."),
    errors.ReviewClosed: (
        409,
        "This access review isn't open",
        "Its snapshot isn't ready, or it is signed off or being signed off. Nothing was changed.",
    ),
    errors.AuthenticationFailed: (
        503,
        "Elasticsearch can't verify your identity",
        "The cluster may have an outage. You're still signed in. Try again in a moment.",
    ),
    errors.AccessDenied: (
        403,
        "You don't have permission",
        "Your account lacks the required privilege. Contact your system administrator.",
    ),
    errors.LicenseExpired: (
        403,
        "The license of the cluster has expired",
        "Elasticsearch rejects this request until the license is renewed.",
    ),
    errors.UserOverwritten: (
        409,
        "Another user with this name was overwritten",
        "It was created outside usermgmt at the same moment, and your version replaced it. Check the user and inform the other "
        "administrators.",
    ),
    errors.Conflict: (
        409,
        "Someone else made a change at the same time",
        "Your change was not applied. Reload the page and try again if it is still needed.",
    ),
    errors.SearchNotAllowed: (
        400,
        "The cluster doesn't allow this search",
        "Its setting search.allow_expensive_queries is false. Other filters still work.",
    ),
    errors.Invalid: (400, "Elasticsearch rejected the request", "Nothing was changed."),
    errors.Unavailable: (503, "Elasticsearch is unavailable", "Nothing was changed. Try again in a moment."),
    errors.AuditUnavailable: (503, "Not applied because the audit trail is unavailable", ""),
    errors.OutcomeUnknown: (
        504,
        "Elasticsearch did not confirm the change",
        "It may or may not have been applied. Check the user before you try again.",
    ),
    errors.NotSetUp: (503, NOT_SET_UP, f"The API key of usermgmt is missing, invalid, or lacks privileges. {SETUP}"),
    errors.IndexNotFound: (503, NOT_SET_UP, f"An index of usermgmt doesn't exist. {SETUP}"),
}
# By the error type of Elasticsearch, or the code of a service error.
AUDIT_UNAVAILABLE = {
    "security_exception": f"The API key of usermgmt can't write to the audit trail. {SETUP}",
    errors.NotSetUp.code: f"The API key of usermgmt is missing or invalid. {SETUP}",
    errors.IndexNotFound.code: f"The index of this month's audit trail doesn't exist and couldn't be created. {SETUP}",
    "cluster_block_exception": "The audit index is read-only, possibly because a disk is full.",
    "index_closed_exception": "The audit index is closed.",
    "document_parsing_exception": (
        "The audit index doesn't use the template of usermgmt. An administrator must run `manage.py setup_cluster` again, which "
        "names the index template in the way."
    ),
    errors.Unavailable.code: "Elasticsearch is unavailable. Try again in a moment.",
    errors.OutcomeUnknown.code: "Elasticsearch did not answer in time. Try again in a moment.",
}


def service_error(request: HttpRequest, exc: errors.ServiceError) -> HttpResponse:
    """The page of a service error. Elasticsearch's message is in the log, with the request ID that the page shows."""
    kind = next(kind for kind in type(exc).__mro__ if kind in PAGES)
    status, title, text = PAGES[kind]
    if isinstance(exc, errors.AuditUnavailable):
        text = AUDIT_UNAVAILABLE.get(exc.why, "Elasticsearch rejected the audit event.")
    operator = getattr(request, "user", None)
    reason = str(exc) if isinstance(exc, errors.NotSetUp) and operator and operator.can_manage else ""
    return _page(request, status, title, text, retry=status == 503, reason=reason)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403: how to get the privilege if the user lacks it, else why this action isn't allowed."""
    reason = str(exception)
    if reason == policy.NOT_PRIVILEGED:
        return render(
            request, "errors/not_privileged.html", {"title": reason, "text": "Contact your system administrator."}, status=403
        )
    return _page(request, 403, "Action not allowed", reason)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return _page(request, 404, "Page not found", "This page doesn't exist or was removed. Check the address.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form from another site, a browser without cookies, or a form that was open during a sign-in."""
    actor = _actor(request)
    if actor:  # requests of users who aren't signed in would let anyone fill the audit trail
        audit.record_access_denied(actor, *page_and_target(request), "invalid_form_token")
    if _is_unknown_origin(request, reason):
        return _unknown_origin(request)
    return render(request, "403_csrf.html", status=403)


def _is_unknown_origin(request: HttpRequest, reason: str) -> bool:
    """Whether the form may have been opened at this address, but the settings and the headers of a proxy have another one."""
    is_untrusted = reason.endswith(REASON_BAD_ORIGIN.rpartition("%s")[2])
    is_from_here = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" and request.headers.get("Origin") != "null"
    return is_untrusted and is_from_here


def _unknown_origin(request: HttpRequest) -> HttpResponse:
    here, origin = f"{request.scheme}://{request.get_host()}", request.headers.get("Origin", "another origin")
    advice = proxies.mismatch(request.META) or "Let the proxy keep the Host header, or add the origin to CSRF_TRUSTED_ORIGINS."
    logger.warning("A form of %s was sent to %s. If both are usermgmt: %s", origin, here, advice)
    text = (
        "Nothing was changed. An administrator must check the settings BEHIND_PROXY and CSRF_TRUSTED_ORIGINS. "
        "Details are in the server log."
    )
    return _bare_page(request, 403, UNKNOWN_ADDRESS, text)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400. Django logs a hostname that isn't allowed."""
    if isinstance(exception, DisallowedHost):
        return _bare_page(request, 400, UNKNOWN_ADDRESS, "An administrator must add its hostname to the setting ALLOWED_HOSTS.")
    return _bare_page(request, 400, "Invalid request", "Nothing was changed.")


def proxy_mismatch(request: HttpRequest, reason: str) -> HttpResponse:
    """For a request whose redirect to HTTPS would lead back to itself."""
    logger.warning("%s Otherwise, usermgmt would redirect each request to HTTPS without end.", reason)
    return _bare_page(request, 400, "usermgmt isn't configured for its proxy", reason)


def too_large(request: HttpRequest) -> HttpResponse:
    """For a request that is larger than any form; its body isn't read."""
    return render(request, "413.html", status=413)


def page_and_target(request: HttpRequest) -> tuple[str, str]:
    """The URL name and the username in it, for the audit event of a denied request."""
    match = request.resolver_match
    return (match.url_name or "", str(match.kwargs.get("username", ""))) if match else ("", "")


def _actor(request: HttpRequest) -> request_context.Actor | None:
    try:
        return operators.actor_of(request.session)
    except errors.ServiceError:
        return None


def _page(request: HttpRequest, status: int, title: str, text: str, *, retry: bool = False, reason: str = "") -> HttpResponse:
    context: dict[str, Any] = {
        "status": status,
        "title": title,
        "text": text,
        "reason": reason,
        "request_id": request_id.get(),
        "retry": request.get_full_path() if retry else "",
        "typed": submitted_fields(request),
        "sign_in": getattr(request, "user", None) is None and status != 503,
    }
    return render(request, "errors/error.html", context, status=status)


def _bare_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """For a request that nothing was read of: there is no operator, and no other address to go to."""
    context = {"title": title, "text": text, "request_id": request_id.get()}
    return render(request, "errors/error.html", context, status=status)
