"""Calls of other programs, passed on as they came: with their credentials, and with the response as Elasticsearch sent it."""

import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

from django.conf import settings
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, TransportError
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import ApiError

from accounts.services import errors
from accounts.services.client import clients
from accounts.services.client.measuring import measured

RUN_AS: Final = "es-security-runas-user"


class Answer(NamedTuple):
    """A response: its headers have names in lower case, and its body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as a value; None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Call:
    """A request: `target` is the path with the query string, as it is sent."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def without(self, name: str, value: str) -> Self:
        """Without this parameter, if it has this value."""
        path, _, query = self.target.partition("?")
        left = "&".join(part for part in query.split("&") if parse_qsl(part, keep_blank_values=True) != [(name, value)])
        return replace(self, target=f"{path}?{left}" if left else path)


class ForwardingClient(clients.PersonClient):
    """`_security/…` with the credentials that a request brought in its header, in any scheme, or with none."""

    def __init__(self, authorization: str, run_as: str = "") -> None:
        super().__init__("", "")
        self._authorization = authorization
        self._run_as = run_as

    @property
    def basic_username(self) -> str:
        """The username in a Basic header; "" for other schemes.

        Whatever Elasticsearch reads is read here, too, or a password could be guessed without being counted: it needs no padding,
        and replaces invalid UTF-8.
        """
        scheme, _, encoded = self._authorization.partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            return binascii.a2b_base64(f"{encoded}==".encode()).decode(errors="replace").partition(":")[0]
        except binascii.Error:
            return ""

    @property
    def has_credentials(self) -> bool:
        return bool(self._authorization.strip())

    @property
    def fingerprint(self) -> bytes:
        """Identifies the credentials, without being any use to somebody who sees it."""
        return hmac.digest(settings.SECRET_KEY.encode(), f"usermgmt caller\0{self._authorization}".encode(), "sha256")

    def forward(self, call: Call, *, is_read: bool) -> Answer:
        """Send the call; a read may be repeated on another node, a change is sent once.

        Raises a type of `errors`, with the response as its `answer` if there is one: for a read when Elasticsearch rejects the
        credentials (401) or fails (5xx), for a change with every status from 400 on.
        """
        with measured("user_api.read" if is_read else "user_api.change"):
            return self._forward(call, is_read=is_read)

    def _forward(self, call: Call, *, is_read: bool) -> Answer:
        headers = {**call.headers, **self._credentials()}
        exchange = _read if is_read else _write
        try:
            answer = exchange(call, headers)
        except TransportError as exc:
            raise clients.service_error(exc, is_read=is_read) from None
        if answer.status >= (500 if is_read else 400) or answer.status == HTTPStatus.UNAUTHORIZED:
            raise rejection(answer, is_read=is_read)
        self.is_accepted = True
        return answer

    def _of_request(self) -> dict[str, str]:
        return {**super()._of_request(), **self._credentials()}

    def _credentials(self) -> dict[str, str]:
        own = {"authorization": self._authorization} if self.has_credentials else {}
        return {**own, **({RUN_AS: self._run_as} if self._run_as else {})}


def _read(call: Call, headers: Mapping[str, str]) -> Answer:
    for _ in settings.ELASTICSEARCH_HOSTS[1:]:
        try:
            return _exchange(clients.read_client(), call, headers, clients.seconds_for_one_of_several())
        except TransportError:
            continue
    with clients.asking_last_host():
        return _exchange(clients.read_client(), call, headers)


def _write(call: Call, headers: Mapping[str, str]) -> Answer:
    for _ in settings.ELASTICSEARCH_HOSTS[1:]:
        try:
            return _exchange(clients.write_client(), call, headers)
        except TransportError as exc:
            if not clients.was_never_sent(exc):
                raise
    return _exchange(clients.write_client(), call, headers)


def _exchange(client: Any, call: Call, headers: Mapping[str, str], seconds: float | DefaultType = DEFAULT) -> Answer:
    pool = client.transport.node_pool
    node = pool.get()
    try:
        response = node.perform_request(
            call.method, call.target, body=call.body, headers=HttpHeaders(headers), request_timeout=seconds
        )
    except TransportError:
        pool.mark_dead(node)
        raise
    pool.mark_live(node)
    return Answer(response.meta.status, {name.lower(): value for name, value in response.meta.headers.items()}, response.body)


def rejection(answer: Answer, *, is_read: bool) -> errors.ServiceError:
    """The error for a response that is one, with the response."""
    body = answer.json() or answer.body.decode(errors="replace")
    meta = ApiResponseMeta(answer.status, "1.1", HttpHeaders(answer.headers), 0.0, NODE)
    error = clients.service_error(ApiError("", meta, body), is_read=is_read)
    error.answer = answer
    return error


NODE: Final = NodeConfig("http", "localhost", 9200)  # an ApiError says from where it comes, which nobody reads
