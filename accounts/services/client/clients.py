"""The clients: whose credentials a call carries, how often it is sent, and which error its failure becomes."""

import base64
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from time import monotonic
from typing import Any, Final, NamedTuple, NoReturn

import pycurl
from django.conf import settings
from elastic_transport import ApiResponse, ConnectionTimeout, NodeConfig, ObjectApiResponse, TransportError
from elastic_transport.client_utils import url_to_node_config
from elasticsearch import ApiError, Elasticsearch
from elasticsearch._sync.client.security import SecurityClient  # its public place, elasticsearch.client, is deprecated
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from accounts.services import errors
from accounts.services.client import setup_problems
from accounts.services.client.curl_node import CurlNode
from accounts.services.client.measuring import measured
from accounts.services.client.node_pool import LONGEST_PAUSE_SECONDS, PAUSE_SECONDS, ReadPool, WritePool
from accounts.services.client.serializer import ShowableJsonSerializer
from accounts.services.client.urllib3_node import SECONDS_FOR_ONE_OF_SEVERAL, ImpatientUrllib3Node, NotConnected, Urllib3Node
from accounts.services.request_context import Actor
from usermgmt.logging import request_id

logger = logging.getLogger(__name__)

# The client's own spans contain usernames, in URLs and parts of paths. `measured` records ours. Read when a client is created.
os.environ["OTEL_PYTHON_INSTRUMENTATION_ELASTICSEARCH_ENABLED"] = "false"

# POST endpoints that only read. Every other call except GET and HEAD is a write and is sent once.
READ_ENDPOINTS = {"search", "mget", "security.query_user", "security.query_api_keys", "security.has_privileges"}

LOG_LEVELS = {
    errors.Unavailable: logging.ERROR,
    errors.OutcomeUnknown: logging.ERROR,
    errors.NotFound: logging.DEBUG,  # usually an expected answer
    errors.Conflict: logging.DEBUG,
}


class CredentialsMixin:
    """Sends the calls of a client through the shared connections of the process, with the credentials of one caller.

    Raises only the types in `errors`.
    """

    _authorization: str
    # Whether the cluster has accepted these credentials since this object was made.
    is_accepted = False
    log_levels: Mapping[type[errors.ServiceError], int] = LOG_LEVELS

    def __repr__(self) -> str:
        """Without credentials."""
        return f"<{type(self).__name__}>"

    def perform_request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        endpoint_id: str | None = None,
        **call: Any,
    ) -> ApiResponse[Any]:
        """Send one call. A read may be repeated on another node, a write is sent once.

        Raises a type of `errors`; the message of Elasticsearch is logged.
        """
        with measured(endpoint_id or "other"):
            return self._perform(method, path, headers=headers, endpoint_id=endpoint_id, **call)

    def _perform(
        self, method: str, path: str, *, headers: Mapping[str, str] | None, endpoint_id: str | None, **call: Any
    ) -> ApiResponse[Any]:
        is_read = method in ("GET", "HEAD") or endpoint_id in READ_ENDPOINTS
        send = _send_read if is_read else _send_write
        try:
            answer = send(method, path, headers={**(headers or {}), **self._of_request()}, endpoint_id=endpoint_id, **call)
            self.is_accepted = True
            return answer
        except (ApiError, TransportError) as exc:
            error = service_error(exc, is_read=is_read)
            _log(method, endpoint_id, error, self.log_levels)
            # The frames of the client's exception hold the body and headers of the request, so it isn't chained.
            raise error from None

    def options(self, **options: Any) -> NoReturn:
        """Not supported: the credentials and settings of a client are those of all its calls."""
        raise NotImplementedError(f"{type(self).__name__} has no per-call options; create another client instead.")

    def _of_request(self) -> dict[str, str]:
        return {"authorization": self._authorization, **_opaque_id()}


def _opaque_id() -> dict[str, str]:
    current = request_id.get()
    return {"x-opaque-id": current} if current else {}


def _send_read(method: str, path: str, **call: Any) -> ApiResponse[Any]:
    """Send a read. Only the last host gets the whole ELASTICSEARCH_REQUEST_TIMEOUT to answer."""
    for _ in settings.ELASTICSEARCH_HOSTS[1:]:
        try:
            return _configured_clients().impatient_read.perform_request(method, path, **call)
        except ConnectionTimeout:
            continue
    with asking_last_host():
        return read_client().perform_request(method, path, **call)


@contextmanager
def asking_last_host() -> Iterator[None]:
    """If it takes longer than the other hosts had, too, the call is slow, and they needn't be left out."""
    started = monotonic()
    yield
    if monotonic() - started > seconds_for_one_of_several():
        read_client().transport.node_pool.end_pauses()  # type: ignore[attr-defined]


def _send_write(method: str, path: str, **call: Any) -> ApiResponse[Any]:
    """Send a write. Only a write that was never sent, because a host doesn't accept a connection, goes to the next host."""
    for _ in settings.ELASTICSEARCH_HOSTS[1:]:
        try:
            return write_client().perform_request(method, path, **call)
        except TransportError as exc:
            if not was_never_sent(exc):
                raise
    return write_client().perform_request(method, path, **call)


def _log(method: str, endpoint_id: str | None, error: errors.ServiceError, levels: Mapping[type[errors.ServiceError], int]) -> None:
    level = next((level for kind, level in levels.items() if isinstance(error, kind)), logging.INFO)
    # The reason of a 401 repeats the username as entered, and users enter passwords there by mistake.
    reason = "" if isinstance(error, errors.AuthenticationFailed) else str(error)
    logger.log(level, "%s %s: %s: %s", method, endpoint_id, type(error).__name__, reason)


class PersonClient(CredentialsMixin, SecurityClient):
    """`_security/…` of elasticsearch-py, with the credentials of a user.

    One object per caller, where `client.options()` creates about forty.
    """

    def __init__(self, username: str, password: str, scope: frozenset[str] | None = None) -> None:
        """`scope`: the known privileges of the user. Cached answers are shared only by clients with the same scope.

        `actor` is the user in the audit trail: the username as entered, until Elasticsearch has confirmed it.
        """
        super().__init__(read_client())
        self.scope = scope
        self.actor = Actor(username)
        self._authorization = _basic(username, password)

    def authenticate(self, **options: Any) -> ObjectApiResponse[Any]:
        """Who the user is. Raises CredentialsLost if Elasticsearch took other credentials."""
        answer = super().authenticate(**options)
        self.is_accepted = False  # an answer alone doesn't prove that Elasticsearch took these credentials
        require_own_credentials(answer.body)
        self.is_accepted = True
        return answer


class ApiKeyClient(PersonClient):
    """`_security/…` with the API key of a user, encoded as Elasticsearch shows it."""

    def __init__(self, encoded: str, scope: frozenset[str] | None = None) -> None:
        super().__init__("", "", scope)
        self._authorization = f"ApiKey {encoded}"


class UnauthenticatedClient(CredentialsMixin, SecurityClient):
    """`_security/…` without credentials, only to find out whether Elasticsearch accepts that (`roles.anonymous`)."""

    log_levels: Mapping[type[errors.ServiceError], int] = {**LOG_LEVELS, errors.AuthenticationFailed: logging.DEBUG}

    def __init__(self) -> None:
        super().__init__(read_client())

    def _of_request(self) -> dict[str, str]:
        return _opaque_id()


class AdministratorClient(CredentialsMixin, Elasticsearch):
    """All APIs, with the credentials of a user: for setting up a cluster."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(_transport=read_client().transport)
        self.actor = Actor(username)
        self._authorization = _basic(username, password)


class ServiceClient(CredentialsMixin, Elasticsearch):
    """All APIs, with the API key of usermgmt: only for the indices `usermgmt-*`."""

    def __init__(self, api_key: str) -> None:
        super().__init__(_transport=read_client().transport)
        self._authorization = f"ApiKey {api_key}"
        self._api_key = api_key

    @property
    def key_id(self) -> str:
        """The ID in the API key, which is the Base64 encoding of `id:secret`. Raises NotSetUp."""
        try:
            return base64.b64decode(self._api_key).decode().partition(":")[0]
        except ValueError:
            raise errors.NotSetUp("ELASTICSEARCH_API_KEY is not an encoded API key") from None

    def perform_request(self, *args: Any, **kwargs: Any) -> ApiResponse[Any]:
        """As above, but 401 and 403 mean an incorrect setup: NotSetUp."""
        try:
            return super().perform_request(*args, **kwargs)
        except (errors.AuthenticationFailed, errors.AccessDenied) as exc:
            raise errors.NotSetUp(str(exc)) from None


def is_anonymous(identity: Mapping[str, Any]) -> bool:
    """Whether `_security/_authenticate` answers as the anonymous user, to a request without credentials."""
    return identity.get("authentication_type") == "anonymous"


def require_own_credentials(identity: Mapping[str, Any]) -> None:
    """Raise CredentialsLost if `_security/_authenticate` answered to other credentials than those of the request."""
    text = f"Elasticsearch answered as {identity['username']}"
    if is_anonymous(identity):
        raise errors.CredentialsLost(text)
    if identity.get("authentication_realm", {}).get("type") == "pki":
        raise errors.CredentialsLost(text, problem=setup_problems.PKI_FIRST)


def service_client() -> ServiceClient:
    """The client with the API key of usermgmt. Raises NotSetUp without a key."""
    if not settings.ELASTICSEARCH_API_KEY.strip():  # Elasticsearch takes a blank one for an anonymous request
        raise errors.NotSetUp("ELASTICSEARCH_API_KEY is not set")
    return _service_client(settings.ELASTICSEARCH_API_KEY, tuple(settings.ELASTICSEARCH_HOSTS))


def require_readable_users() -> None:
    """Raise NotSetUp, or Unavailable, if the cluster can't read its users; otherwise, a 401 proves invalid credentials.

    API keys are in the same index as users, and every API key may read itself (`GET _security/api_key?id=`). This reads the index,
    while the check of an API key uses a cache. `_cluster/health` proves nothing: a cluster with an expired license refuses it.
    """
    client = service_client()
    if not client.security.get_api_key(id=client.key_id)["api_keys"]:
        raise errors.Unavailable("Elasticsearch doesn't find the API key that it accepts")


def can_verify_credentials() -> bool:
    """Whether the cluster can read its users."""
    try:
        require_readable_users()
    except errors.ServiceError:
        return False
    return True


def _basic(username: str, password: str) -> str:
    """The `basic_auth` of the client accepts only ASCII passwords; Elasticsearch accepts UTF-8."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


class _Clients(NamedTuple):
    read: Elasticsearch
    impatient_read: Elasticsearch
    write: Elasticsearch


def read_client() -> Elasticsearch:
    """Tries another host after a failure."""
    return _configured_clients().read


def write_client() -> Elasticsearch:
    """Never repeats a call."""
    return _configured_clients().write


def seconds_for_one_of_several() -> float:
    """How long a read waits for the answer of a host if there is another one to ask."""
    return float(min(SECONDS_FOR_ONE_OF_SEVERAL, settings.ELASTICSEARCH_REQUEST_TIMEOUT))


def _configured_clients() -> _Clients:
    tls = {
        "ca_certs": settings.ELASTICSEARCH_CA_CERTS or None,
        "ssl_assert_fingerprint": settings.ELASTICSEARCH_CA_FINGERPRINT or None,
        "ssl_assert_hostname": None if settings.ELASTICSEARCH_VERIFY_HOSTNAME else False,
        "client_cert": settings.ELASTICSEARCH_CLIENT_CERTFILE or None,
        "client_key": settings.ELASTICSEARCH_CLIENT_KEYFILE or None,
    }
    return _clients(tuple(settings.ELASTICSEARCH_HOSTS), tuple(tls.items()), settings.ELASTICSEARCH_REQUEST_TIMEOUT)


@lru_cache(maxsize=8)
def _clients(hosts: tuple[str, ...], tls: tuple[tuple[str, str | bool | None], ...], timeout: float) -> _Clients:
    nodes = [_node_config(host, dict(tls)) for host in hosts]
    options: dict[str, Any] = {
        "request_timeout": timeout,
        "serializer": ShowableJsonSerializer(),
        "dead_node_backoff_factor": PAUSE_SECONDS,
        "max_dead_node_backoff": LONGEST_PAUSE_SECONDS,
    }
    read = Elasticsearch(nodes, node_class=CurlNode, node_pool_class=ReadPool, max_retries=len(hosts), **options)
    write = Elasticsearch(
        nodes,
        node_class=ImpatientUrllib3Node if len(hosts) > 1 else Urllib3Node,
        node_pool_class=WritePool,
        max_retries=0,
        connections_per_node=32,
        **options,
    )
    write.transport.node_pool.reads = read.transport.node_pool  # type: ignore[attr-defined]
    return _Clients(read, read.options(request_timeout=seconds_for_one_of_several()), write)


def _node_config(url: str, tls: dict[str, Any]) -> NodeConfig:
    """How to connect to a host. `tls`: names and values of NodeConfig, which rejects them without HTTPS."""
    config = url_to_node_config(url)
    return config.replace(**tls) if config.scheme == "https" else config


@lru_cache(maxsize=8)
def _service_client(api_key: str, hosts: tuple[str, ...]) -> ServiceClient:
    return ServiceClient(api_key)


EXPIRED_LICENSE: Final = "license.expired.feature"  # a field of the error
EXPENSIVE_QUERIES: Final = "search.allow_expensive_queries"  # in the reason of a shard

ERRORS_BY_STATUS: dict[int, type[errors.ServiceError]] = {
    400: errors.Invalid,
    401: errors.AuthenticationFailed,
    403: errors.AccessDenied,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.Declined,
}


def service_error(exc: ApiError | TransportError, *, is_read: bool) -> errors.ServiceError:
    """The `errors` type for an exception of the client. A write without an answer, or with most 5xx, has an unknown outcome."""
    if isinstance(exc, ApiError):
        if problem := setup_problems.of_response(exc, is_read=is_read):
            return problem
        error = _error(exc.body)
        if error.get("type") == errors.IndexNotFound.code:
            return errors.IndexNotFound(_reason(exc.body))
        if problem := setup_problems.of_error(error, exc.status_code):
            return problem
        if exc.status_code == 403 and EXPIRED_LICENSE in error:
            return errors.LicenseExpired(_reason(exc.body))
        if exc.status_code == 400 and EXPENSIVE_QUERIES in str(exc.body):
            return errors.SearchNotAllowed(f"{EXPENSIVE_QUERIES} is false")
        if error.get("type") == errors.WritesBlocked.code or _is_declined(exc):
            return errors.Declined(_reason(exc.body))
        kind = ERRORS_BY_STATUS.get(exc.status_code) or (errors.Unavailable if is_read else _kind_of_other_answer(exc.status_code))
        return kind(_reason(exc.body))
    if mismatch := setup_problems.of_connection(exc):
        return mismatch
    if is_read:
        return errors.Unavailable(exc.message)
    return (errors.Unreachable if was_never_sent(exc) else errors.OutcomeUnknown)(exc.message)


def _is_declined(exc: ApiError) -> bool:
    """Whether it is Elasticsearch that answers 503. A proxy does so, too, after a connection broke that it had sent the call on."""
    return (
        exc.status_code == HTTPStatus.SERVICE_UNAVAILABLE and exc.meta.headers.get(setup_problems.PRODUCT_HEADER) == "Elasticsearch"
    )


def _kind_of_other_answer(status: int) -> type[errors.ServiceError]:
    """For a write. A 4xx rejects the request as it is, such as 413; with a 408 a proxy gives up waiting."""
    is_rejected = 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT
    return errors.Invalid if is_rejected else errors.OutcomeUnknown


def was_never_sent(exc: TransportError) -> bool:
    """Whether a write had no connection: refused, not answered, to an unknown host, or not trusted by one of the two sides."""
    # libcurl sends no writes: it only looks for the CA before one.
    without_connection = NotConnected, NewConnectionError, ConnectTimeoutError, pycurl.error
    return isinstance(exc.__cause__, without_connection) or setup_problems.of_connection(exc) is not None


def _error(body: Any) -> Mapping[str, Any]:
    """The `error` of a response; some are only a text."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {"reason": error}


def _reason(body: Any) -> str:
    error = _error(body)
    return str(error.get("reason") or error.get("type") or "no reason given")
