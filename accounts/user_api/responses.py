"""Responses of the user API: those of Elasticsearch as they came, and those of usermgmt in the same form."""

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from django.http import HttpResponse
from django.utils.text import compress_string

from accounts.services import errors, request_context, user_api
from accounts.services.client import Answer

PRODUCT: Final = {"X-Elastic-Product": "Elasticsearch"}
CHALLENGE: Final = "Www-Authenticate"
# Of a node without TLS, if it has no 401 that says which. They are also in the body.
CHALLENGES: Final = 'Basic realm="security", charset="UTF-8", ApiKey'
# Headers of Elasticsearch's response that are passed on; the others belong to its connection.
PASSED_ON: Final = {"x-elastic-product", "www-authenticate", "allow", "warning", "x-opaque-id", "location"}
# Between two challenges that a header has together: the parameters of one are also separated by commas.
BETWEEN_CHALLENGES: Final = re.compile(r", (?=[\w-]+(?: |,|$))")
COMPATIBLE: Final = re.compile(r"application/vnd\.elasticsearch\+json; ?compatible-with=\d")
MIN_COMPRESSED: Final = 1024  # bytes
NOT_RECORDED: Final = '299 usermgmt "The change was made, but its outcome could not be written to the audit trail."'
PERHAPS: Final = "Elasticsearch did not confirm the change. Check the user before trying again."

# Every 5xx here says that nothing was changed, because clients repeat requests after a 429, 502, 503, or 504.
STATUSES: Final[dict[type[errors.ServiceError], tuple[int, str]]] = {
    errors.AuthenticationFailed: (HTTPStatus.UNAUTHORIZED, "security_exception"),
    errors.AccessDenied: (HTTPStatus.FORBIDDEN, "security_exception"),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "resource_not_found_exception"),
    errors.PreconditionFailed: (HTTPStatus.PRECONDITION_FAILED, "precondition_failed_exception"),
    errors.Conflict: (HTTPStatus.CONFLICT, "version_conflict_engine_exception"),
    errors.InvalidPassword: (HTTPStatus.BAD_REQUEST, "validation_exception"),
    errors.LastAdministrator: (HTTPStatus.BAD_REQUEST, "illegal_argument_exception"),
    errors.Invalid: (HTTPStatus.BAD_REQUEST, "illegal_argument_exception"),
    errors.AuditUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "audit_unavailable_exception"),
    errors.Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable_exception"),
    errors.NotSetUp: (HTTPStatus.SERVICE_UNAVAILABLE, "not_set_up_exception"),
    errors.OutcomeUnknown: (HTTPStatus.INTERNAL_SERVER_ERROR, "outcome_unknown_exception"),
    errors.ServiceError: (HTTPStatus.INTERNAL_SERVER_ERROR, "exception"),
}
REASONS: Final[dict[type[errors.ServiceError], str]] = {
    errors.LastAdministrator: "no other active native or built-in user can manage users",
    errors.UserLocked: "another change of this user is in progress, and nothing was changed",
    errors.AuditUnavailable: "nothing was changed, because the change can't be recorded in the audit trail",
    errors.Unavailable: "Elasticsearch is unavailable, and nothing was changed",
    errors.OutcomeUnknown: PERHAPS,
}


class Response(HttpResponse):
    """A 401 has a header for each challenge, as Elasticsearch has it."""

    def items(self) -> Iterable[tuple[str, str]]:
        for name, value in super().items():
            yield from ((name, part) for part in (BETWEEN_CHALLENGES.split(value) if name == CHALLENGE else [value]))


class OwnResponse(Response):
    """A response of usermgmt, with the value of its body."""

    def __init__(self, body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(_json(body), status=status, content_type="application/json", headers=headers)
        self.body = body


def passed_on(answer: Answer, *, gzip: bool = False, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The response of Elasticsearch. `gzip`: whether the client accepts it compressed."""
    response = Response(answer.body, status=answer.status)
    if content_type := answer.headers.get("content-type"):
        response["Content-Type"] = content_type
    else:
        del response["Content-Type"]
    for name in PASSED_ON & answer.headers.keys():
        response[name.title()] = answer.headers[name]
    for name, value in (headers or {}).items():
        response[name] = value
    if gzip and len(answer.body) >= MIN_COMPRESSED:
        response.content = compress_string(answer.body)
        response["Content-Encoding"] = "gzip"
    return response


def of_error(exc: errors.ServiceError, path: str, username: str = "") -> HttpResponse:
    """The response to a request that usermgmt rejects, or that got no response. `username`: in the credentials."""
    if exc.answer and not isinstance(exc, errors.OutcomeUnknown):
        return passed_on(exc.answer)
    kind = next(kind for kind in type(exc).__mro__ if kind in STATUSES)
    status, type_ = STATUSES[kind]
    if status == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(path, username)
    if isinstance(exc, errors.InvalidPassword):
        problems = "".join(f" {number}: {problem.rstrip('.')};" for number, problem in enumerate(exc.problems, 1))
        return error(status, type_, f"Validation Failed:{problems}")
    reason = next((REASONS[kind] for kind in type(exc).__mro__ if kind in REASONS), exc.problem or str(exc))
    return error(status, type_, reason)


def error(status: int, type_: str, reason: str, **more: Any) -> HttpResponse:
    """An error in the form of Elasticsearch."""
    cause = {"type": type_, "reason": reason, **more}
    return OwnResponse({"error": {"root_cause": [cause], **cause}, "status": status}, status, PRODUCT)


def text_error(status: int, text: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error that Elasticsearch returns as a text, such as one about the method or the media type."""
    return OwnResponse({"error": text, "status": status}, status, {**PRODUCT, **(headers or {})})


def no_handler(method: str, target: str) -> HttpResponse:
    """The error for a path that Elasticsearch can't have."""
    text = f"no handler found for uri [{target}] and method [{method}]"
    return OwnResponse({"error": text}, HTTPStatus.BAD_REQUEST, PRODUCT)


def rate_limited(seconds: int) -> HttpResponse:
    """The rejection of a request that wasn't looked at; clients repeat it."""
    response = error(HTTPStatus.TOO_MANY_REQUESTS, "es_rejected_execution_exception", "too many requests, and nothing was done")
    response["Retry-After"] = str(seconds)
    return response


def value(body: Mapping[str, Any]) -> HttpResponse:
    """A result that only usermgmt has."""
    return OwnResponse(body, HTTPStatus.OK, {**PRODUCT, "Cache-Control": "no-store"})


def warned(response: HttpResponse) -> HttpResponse:
    """With a warning if the outcome of a change couldn't be recorded."""
    if request_context.missing_outcomes.get():
        response["Warning"] = ", ".join(filter(None, (response.get("Warning"), NOT_RECORDED)))
    return response


def is_pretty(query: str) -> bool:
    return dict(parse_qsl(query, keep_blank_values=True)).get("pretty") in ("", "true")


def as_requested(response: HttpResponse, query: str, accept: str, opaque_id: str) -> HttpResponse:
    """What Elasticsearch does for its own responses: the ID of the request, the media type of a version, and `pretty`."""
    if opaque_id:
        response.setdefault("X-Opaque-Id", opaque_id)
    if isinstance(response, OwnResponse):
        if COMPATIBLE.fullmatch(accept):
            response["Content-Type"] = accept.replace(" ", "")
        if is_pretty(query):
            response.content = f"{_json(response.body, indent=2)}\n"
    return response


def _unauthorized(path: str, username: str) -> HttpResponse:
    """As after a wrong password, also if the password wasn't checked because there were too many wrong ones."""
    reason = (
        f"unable to authenticate user [{username}] for REST request [{path}]"
        if username
        else f"missing authentication credentials for REST request [{path}]"
    )
    challenges = user_api.challenges() or CHALLENGES
    header = {"WWW-Authenticate": BETWEEN_CHALLENGES.split(challenges)}
    response = error(HTTPStatus.UNAUTHORIZED, "security_exception", reason, header=header)
    response[CHALLENGE] = challenges
    del response["X-Elastic-Product"]
    return response


def _json(body: Mapping[str, Any], indent: int | None = None) -> str:
    return json.dumps(body, ensure_ascii=False, indent=indent, separators=(",", " : " if indent else ":"))
