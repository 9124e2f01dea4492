"""Error pages."""

import logging
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.views import defaults

from accounts import policy, proxies
from accounts.http import submitted_fields, typed_texts
from accounts.services import errors
from accounts.services.signin import operators
from usermgmt.logging import request_id
from usermgmt.paths import SETUP_CLUSTER
from usermgmt.uploads import TemporaryFolderFull

logger = logging.getLogger(__name__)

UNKNOWN_ADDRESS: Final = "usermgmt isn't configured for this address"
NOT_SET_UP = "The cluster isn't set up the way usermgmt needs"
SETUP = f"An administrator must run `{SETUP_CLUSTER}`."
# type: (status, title, text)
PAGES: dict[type[errors.ServiceError], tuple[int, str, str]] = {
    errors.NotFound: (404, "Not found", "This user doesn't exist or was deleted."),
    errors.RoleNotFound: (404, "Not found", "This role doesn't exist and isn't assigned to any user."),
    errors.RoleMappingNotFound: (404, "Not found", "This role mapping doesn't exist or was deleted."),
    errors.ApiKeyNotFound: (
        404,
        "Not found",
        "This API key doesn't exist. Elasticsearch deletes API keys some time after they expire or are revoked.",
    ),
    errors.ReviewNotFound: (404, "Not found", "This access review doesn't exist or was deleted."),
    errors.JobNotFound: (404, "Not found", "This bulk change doesn't exist, was discarded, or was deleted."),
    errors.EventNotFound: (
        404,
        "Not found",
        "This event isn't in the audit trail. Its month may have been deleted. A new event can take a second until it is found.",
    ),
    errors.JobStateChanged: (
        409,
        "This bulk change is in another state",
        "It was started, paused, finished, or discarded in the meantime. Open it again to see its current state.",
    ),
    errors.PasswordsNotDecrypted: (
        409,
        "These passwords were encrypted with another SECRET_KEY",
        "They were neither downloaded nor deleted. Whoever runs usermgmt must add the previous key to SECRET_KEY_FALLBACKS, and "
        "restart it. If the key is lost, reset the passwords again.",
    ),
    errors.JobNotAuthentic: (
        409,
        "This bulk change can't be carried out",
        "It was changed outside usermgmt, or created by a version before 0.2.0, or SECRET_KEY was replaced. If the key was "
        "replaced, whoever runs usermgmt must add the previous one to SECRET_KEY_FALLBACKS. Otherwise discard the bulk change.",
    ),
    errors.ReviewDamaged: (
        409,
        "This access review has damaged items",
        "A field of them is missing or invalid, because another program has written them. The report of the review names them. "
        "The review can't be downloaded, compared, signed off, or applied with them. Nothing was changed.",
    ),
    errors.DocumentDamaged: (
        409,
        "This document is damaged",
        "A field of it is missing or invalid, because another program has written it. It can't be shown, and nothing was changed.",
    ),
    errors.ReviewClosed: (
        409,
        "This access review isn't open",
        "Its snapshot isn't ready, or it is canceled, signed off, or being signed off. Nothing was changed.",
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
    errors.UserLocked: (
        409,
        "Another change of this user isn't finished",
        "It is being saved, or its outcome is unknown. Nothing was changed. Try again in a moment, at the latest after 2 minutes.",
    ),
    errors.MetadataErased: (
        503,
        "The metadata was not written",
        "Elasticsearch removed the previous metadata and rejected the new metadata. The user has no metadata now. All else "
        "was saved. Save again, or restore the previous values from the audit trail.",
    ),
    errors.LastAdministrator: (409, "No administrator would be left", f"Nothing was changed. {policy.LAST_ADMINISTRATOR}"),
    errors.SearchNotAllowed: (
        400,
        "The cluster doesn't allow this search",
        "Its setting search.allow_expensive_queries is false. Other filters still work.",
    ),
    errors.FilterNotSearchable: (
        400,
        "Too many users for this filter",
        "Elasticsearch can't search for end dates and for the age of passwords, and a page looks at up to 10,000 users. "
        "Also filter by role or status, export the users with this filter, or run the findings.",
    ),
    errors.InvalidFilter: (400, "This filter can't be used", "Nothing was changed."),
    errors.TooManyKeys: (
        400,
        "Too many API keys for this filter",
        "Elasticsearch can't search for what API keys can do, and a page looks at up to 10,000 of them. Also filter by state, "
        "realm, or age, export the API keys with this filter, or run the findings.",
    ),
    errors.Invalid: (400, "Elasticsearch rejected the request", "Nothing was changed."),
    errors.Unavailable: (503, "Elasticsearch is unavailable", "Nothing was changed. Try again in a moment."),
    errors.Declined: (
        503,
        "Elasticsearch temporarily rejects the request",
        "It answered that it can't process the request at the moment. Nothing was changed. Try again in a moment.",
    ),
    errors.Unreachable: (
        503,
        "Elasticsearch can't be reached",
        "There was no connection, so the change was not sent. Nothing was changed. Try again in a moment.",
    ),
    errors.AuditUnavailable: (503, "Not applied because the audit trail is unavailable", ""),
    errors.OutcomeUnknown: (
        504,
        "Elasticsearch did not confirm the change",
        "It may or may not have been applied. Check the user before you try again.",
    ),
    errors.MetadataUnknown: (
        504,
        "Elasticsearch did not confirm the change of the metadata",
        "The user may have no metadata now. Check the user, and save again or restore the previous values from the audit trail.",
    ),
    errors.NotSetUp: (503, NOT_SET_UP, ""),
    errors.TlsMismatch: (503, NOT_SET_UP, ""),
}
# By the error type of Elasticsearch, or the code of a service error.
AUDIT_UNAVAILABLE = {
    "security_exception": f"The API key of usermgmt can't write to the audit trail. {SETUP}",
    errors.IndexNotFound.code: f"The index of this month's audit trail doesn't exist and couldn't be created. {SETUP}",
    "index_closed_exception": "The audit index is closed.",
    "document_parsing_exception": (
        f"The audit index doesn't use the template of usermgmt. An administrator must run `{SETUP_CLUSTER}` again, which "
        "names the index template in the way."
    ),
    errors.Unavailable.code: "Elasticsearch is unavailable. Try again in a moment.",
    errors.Declined.code: "Elasticsearch temporarily rejects it. Try again in a moment.",
    errors.Unreachable.code: "Elasticsearch can't be reached. Try again in a moment.",
    errors.OutcomeUnknown.code: "Elasticsearch did not confirm the audit event. Try again in a moment.",
}


def service_error(request: HttpRequest, exc: errors.ServiceError) -> HttpResponse:
    """The page of a service error. Elasticsearch's message is in the log, with the request ID that the page shows."""
    status, title, text = describe(exc)
    operator = getattr(request, "user", None)
    if operator and operator.api_key and type(exc) is errors.AccessDenied:
        text = "Your API key lacks the required privilege. Use another one, or contact your system administrator."
    reason = str(exc) if exc.problem and str(exc) != exc.problem and operator and operator.can_manage else ""
    return _page(request, status, title, text, retry=status in (503, 504), reason=reason)


def describe(exc: errors.ServiceError) -> tuple[int, str, str]:
    """HTTP status, title, and text for a service error."""
    kind = next(kind for kind in type(exc).__mro__ if kind in PAGES)
    status, title, text = PAGES[kind]
    if isinstance(exc, errors.AuditUnavailable):
        text = AUDIT_UNAVAILABLE.get(exc.why, "Elasticsearch rejected the audit event.")
    return status, title, exc.problem or text


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403: how to get the privilege if the user lacks it, else why this action isn't allowed."""
    reason = str(exception)
    if reason == policy.NOT_PRIVILEGED:
        return render(request, "errors/not_privileged.html", status=403)
    return _page(request, 403, "Action not allowed", reason, offers_sign_in=_is_signed_out(request))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    text = "This page doesn't exist or was removed. Check the address."
    return _page(request, 404, "Page not found", text, offers_sign_in=_is_signed_out(request))


def method_not_allowed(request: HttpRequest, refusal: HttpResponseNotAllowed) -> HttpResponse:
    """For the empty response of `require_POST` and its siblings, to a link or a reload of what only takes forms."""
    text = "It doesn't support this kind of request. Nothing was changed."
    page = _page(request, 405, "This address can't be opened", text, offers_sign_in=_is_signed_out(request))
    page["Allow"] = refusal["Allow"]
    return page


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: in the frame, or without it if the frame is at fault."""
    text = (
        "The server couldn't complete the request. Details are in the server log. If you were making a change, check whether it "
        "was applied before you try again."
    )
    try:
        return _page(request, 500, "Something went wrong", text)
    except Exception:
        logger.exception("The page of an error failed")
        return defaults.server_error(request)


def has_other_origin(reason: str) -> bool:
    """Whether the reason of a CSRF failure is the origin of the form."""
    return reason.endswith(REASON_BAD_ORIGIN.rpartition("%s")[2])


def is_unknown_origin(request: HttpRequest, reason: str) -> bool:
    """Whether the form may have been opened at this address, but the settings and the headers of a proxy have another one."""
    is_from_here = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" and request.headers.get("Origin") != "null"
    return has_other_origin(reason) and is_from_here


def unknown_origin(request: HttpRequest) -> HttpResponse:
    """For a form of another address, if the settings may be the cause. The log has both addresses."""
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
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return _form_too_large(request)
    if isinstance(exception, TemporaryFolderFull):
        text = "The upload was rejected, and nothing was changed. An administrator must free space on the server."
        return _page(request, 507, "The temporary folder of the server is full", text, offers_sign_in=_is_signed_out(request))
    return _page(request, 400, "Invalid request", "Nothing was changed.", offers_sign_in=_is_signed_out(request))


def _form_too_large(request: HttpRequest) -> HttpResponse:
    """With the typed texts, because a form that isn't processed can't be shown again."""
    limits = (
        f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields and selected items, {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files, and "
        f"{filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)} of text"
    )
    context = {
        "title": "Form too large",
        "text": f"Nothing was changed. A form can have up to {limits}. Select fewer items, and make the change in several steps.",
        "typed": typed_texts(request),
    }
    return render(request, "413.html", context, status=413)


def proxy_mismatch(request: HttpRequest, reason: str) -> HttpResponse:
    """For a request whose redirect to HTTPS would lead back to itself."""
    logger.warning("%s Otherwise, usermgmt would redirect each request to HTTPS without end.", reason)
    title = UNKNOWN_ADDRESS if reason == proxies.NO_HEADER else "usermgmt isn't configured for its proxy"
    return _bare_page(request, 400, title, reason)


def too_large(request: HttpRequest) -> HttpResponse:
    """For a request that is larger than any form; its body isn't read."""
    text = "The upload was rejected. Each export file can have up to 50 MB."
    return render(request, "413.html", {"title": "Upload too large", "text": text}, status=413)


def page_and_target(request: HttpRequest) -> tuple[str, str]:
    """The URL name and the username in it, for the audit event of a denied request."""
    match = request.resolver_match
    return (match.url_name or "", str(match.kwargs.get("username", ""))) if match else ("", "")


def _is_signed_out(request: HttpRequest) -> bool:
    """Whether it is known that nobody is signed in. Sets `request.user` where no view has been chosen, for the page's frame."""
    if not hasattr(request, "session"):
        return False
    if getattr(request, "user", None) is None:
        try:
            request.user = operators.from_session(request.session, renews=False)  # type: ignore[arg-type, assignment]
        except errors.ServiceError:
            return False
    return request.user is None


def _page(
    request: HttpRequest,
    status: int,
    title: str,
    text: str,
    *,
    retry: bool = False,
    reason: str = "",
    offers_sign_in: bool = False,
) -> HttpResponse:
    """In the frame of a signed-in user. With `retry`, a form is kept and can be sent again."""
    context: dict[str, Any] = {
        "status": status,
        "title": title,
        "text": text,
        "reason": reason,
        "request_id": request_id.get(),
        "retry": request.get_full_path() if retry else "",
        "is_form": request.method == "POST",
        "typed": submitted_fields(request) if retry else [],
        "sign_in": offers_sign_in,
    }
    return render(request, "errors/error.html", context, status=status)


def _bare_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """For a request that nothing was read of: there is no operator, and no other address to go to."""
    context = {"title": title, "text": text, "request_id": request_id.get()}
    return render(request, "errors/error.html", context, status=status)
