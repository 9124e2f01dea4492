"""One request of a program: reads are passed on as they are, changes go through the services."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPMethod, HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, request_context, user_api
from accounts.services.client import RUN_AS, Answer, Call
from accounts.services.passwords import policy
from accounts.services.signin import throttle
from accounts.services.user_api import Caller, Change, Conditions
from accounts.user_api import bodies, description, rate_limit, responses, routes
from accounts.user_api.bodies import Unreadable
from accounts.user_api.paging import Paging
from accounts.user_api.routes import ChangeName, Route

logger = logging.getLogger(__name__)

USERS_ONLY: Final = "usermgmt serves users only: ask the cluster"
HTTPS_REQUIRED: Final = "usermgmt accepts requests only over HTTPS"
NOT_ENCODED: Final = "path and query string must be percent-encoded"
FROM_A_PAGE: Final = "usermgmt accepts changes only from programs, not from web pages"
# Headers of the request that go to Elasticsearch, besides the credentials.
PASSED_ON: Final = {
    "HTTP_ACCEPT": "accept",
    "CONTENT_TYPE": "content-type",
    "HTTP_X_OPAQUE_ID": "x-opaque-id",
}

CHANGES: Final[Mapping[ChangeName, Callable[[Change], Answer]]] = {
    "put": user_api.put,
    "delete": user_api.delete,
    "enable": user_api.enable,
    "disable": user_api.disable,
    "change_password": user_api.change_password,
    "change_own_password": user_api.change_password,
}


def respond(request: HttpRequest) -> HttpResponse:
    """The response to any request for a path of Elasticsearch."""
    query, accept, opaque_id = (request.META.get(name, "") for name in ("QUERY_STRING", "HTTP_ACCEPT", "HTTP_X_OPAQUE_ID"))
    return responses.as_requested(_respond(request), query, accept, opaque_id)


def _respond(request: HttpRequest) -> HttpResponse:
    arrived = throttle.arrival_time()
    if settings.HTTPS and not request.is_secure():  # a redirect would make a PUT a GET
        return responses.text_error(HTTPStatus.FORBIDDEN, HTTPS_REQUIRED)
    if seconds := rate_limit.seconds_to_wait(request_context.source_address.get()):
        return responses.rate_limited(seconds)
    path = _raw_path(request)
    if not routes.is_encoded(_target(request, path)):
        return responses.error(HTTPStatus.BAD_REQUEST, "illegal_argument_exception", NOT_ENCODED)
    if path == description.PATH and request.method in ("GET", "HEAD"):
        return HttpResponse(description.text(), content_type="application/json")
    if routes.has_empty_part(path):
        return responses.no_handler(str(request.method), _target(request, path))
    found = routes.find(path)
    if found is None:
        return responses.text_error(HTTPStatus.NOT_FOUND, USERS_ONLY, responses.PRODUCT)
    response = responses.warned(_answered_or_rejected(request, path, *found, arrived))
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("User API: %s %s: %s", request.method, found[0].path, response.status_code)
    return response


def _answered_or_rejected(request: HttpRequest, path: str, route: Route, name: str, arrived: float) -> HttpResponse:
    target = _target(request, path)
    caller = Caller(request.META.get("HTTP_AUTHORIZATION", ""), request.META.get(_meta(RUN_AS), ""))
    try:
        return _answered(request, caller, path, route, name)
    except Unreadable as exc:
        return responses.error(exc.status, exc.type, exc.reason) if exc.type else responses.text_error(exc.status, exc.reason)
    except errors.AuthenticationFailed as exc:
        response = responses.of_error(exc, target, caller.client.basic_username)
        if caller.client.basic_username:
            throttle.wait_until_slot(arrived)
        return response
    except errors.ServiceError as exc:
        return responses.of_error(exc, target)
    except RecursionError:  # before anything is sent: the metadata before and after the change is compared
        return responses.error(HTTPStatus.BAD_REQUEST, "illegal_argument_exception", "the metadata is nested too deeply")
    except Exception:  # programs expect JSON; what was being changed is in the audit trail as "Unknown"
        logger.exception("User API: %s %s", request.method, route.path)
        return responses.of_error(errors.OutcomeUnknown(), target)
    finally:
        if observation := request_context.observation.get():
            observation.view, observation.username = route.path, caller.username


def _answered(request: HttpRequest, caller: Caller, path: str, route: Route, name: str) -> HttpResponse:
    method = str(request.method)
    if request.META.get(_meta(RUN_AS)) == "":
        raise errors.AuthenticationFailed("no username to run as")
    if change := route.changes.get(method):
        return _changed(request, caller, path, change, name)
    if method in route.reads or method in ("HEAD", "OPTIONS"):
        return _read(request, caller, path, name)
    allowed = ", ".join(route.methods)
    is_known = method in HTTPMethod.__members__
    unlike = f"Incorrect HTTP method for uri [{_target(request, path)}] and method [{method}]"
    text = f"{unlike if is_known else f'Unexpected http method: {method}'}, allowed: [{allowed}]"
    return responses.text_error(HTTPStatus.METHOD_NOT_ALLOWED, text, {"Allow": allowed.replace(" ", "")})


def _read(request: HttpRequest, caller: Caller, path: str, name: str) -> HttpResponse:
    if paging := Paging.of(path, request.META.get("QUERY_STRING", "")) if request.method in ("GET", "POST") else None:
        return _page(request, caller, path, paging)
    # To HEAD, there is never a body: libcurl would wait for one after it has sent one.
    body = bodies.content(request) or None if request.method in ("GET", "POST") else None
    answer = caller.read(_call(request, path, body, encoding=request.META.get("HTTP_CONTENT_ENCODING", "")))
    return responses.passed_on(answer, gzip=_accepts_gzip(request), headers=_etag(request, path, name, answer))


def _page(request: HttpRequest, caller: Caller, path: str, paging: Paging) -> HttpResponse:
    data = bodies.unpacked(request, bodies.content(request))
    call = _call(request, path, paging.body(bodies.parsed(data) if data.strip() else {}))
    accepted = call.headers.get("accept", "")
    # Elasticsearch requires the version of the body to be that of the response.
    content_type = accepted if accepted.startswith("application/vnd.elasticsearch+json") else "application/json"
    headers = {"content-type": content_type, **call.headers}
    answer = caller.read(replace(call, target=f"{path}?{paging.query}" if paging.query else path, headers=headers))
    links = paging.links(f"{settings.BASE_PATH}{path}", answer)
    return responses.passed_on(answer, gzip=_accepts_gzip(request), headers=links)


def _accepts_gzip(request: HttpRequest) -> bool:
    return "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")


def _etag(request: HttpRequest, path: str, name: str, answer: Answer) -> dict[str, str]:
    """The entity tag of one whole user, as JSON."""
    is_user = request.method == "GET" and path.startswith("/_security/user/") and path.rstrip("/").count("/") == 3
    if not is_user or not name or "," in name or answer.status != HTTPStatus.OK or "filter_path" in request.META["QUERY_STRING"]:
        return {}
    user = (answer.json() or {}).get(name)
    return {"ETag": user_api.etag(user)} if isinstance(user, dict) else {}


@sensitive_variables()
def _changed(request: HttpRequest, caller: Caller, path: str, name: ChangeName, username: str) -> HttpResponse:
    if _is_from_a_page(request):
        raise errors.Refused(FROM_A_PAGE)
    if "username" in routes.parameters(request.META.get("QUERY_STRING", "")):  # whose password `_password` would change
        raise errors.Refused(f"request [{path}] contains unrecognized parameter: [username]")
    data = bodies.content(request)
    identity = caller.identify(_target(request, path), is_pretty=responses.is_pretty(request.META.get("QUERY_STRING", "")))
    body: dict[str, Any] = {}
    if name in ("put", "change_password", "change_own_password"):
        data = bodies.unpacked(request, data)
        body = bodies.parsed(data)
    generated = policy.generate() if name.endswith("password") and body == {"generate": True} else ""
    if generated:
        body = {"password": generated}
        data = json.dumps(body).encode()
    change = Change(
        caller.client,
        identity,
        username if name != "change_own_password" else identity.actor.username,
        # Elasticsearch takes `_enable/` for a request to disable the user: it looks at the end of the path.
        _call(request, path.rstrip("/"), data or None),
        body,
        Conditions(request.META.get("HTTP_IF_MATCH", ""), request.META.get("HTTP_IF_NONE_MATCH", "")),
    )
    answer = CHANGES[name](change)
    return responses.value(body) if generated else responses.passed_on(answer)


def _is_from_a_page(request: HttpRequest) -> bool:
    """Of any site: a browser adds a password that it knows to a request that another site makes."""
    return "HTTP_ORIGIN" in request.META or request.META.get("HTTP_SEC_FETCH_SITE", "none") != "none"


def _call(request: HttpRequest, path: str, body: bytes | None, *, encoding: str = "") -> Call:
    headers = {name: request.META[key] for key, name in PASSED_ON.items() if request.META.get(key)}
    if body is None:
        headers.pop("content-type", None)
    elif encoding:
        headers["content-encoding"] = encoding
    return Call(str(request.method), _target(request, path), headers, body)


def _target(request: HttpRequest, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _raw_path(request: HttpRequest) -> str:
    """As the client sent it, without BASE_PATH: a decoded %2F would look like a slash."""
    raw: str = request.META.get("RAW_PATH") or quote(request.path_info, safe="/,*:@!$&'()+;=~")
    return raw.removeprefix(settings.BASE_PATH) if f"{raw}/".startswith(f"{settings.BASE_PATH}/") else raw


def _meta(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"
