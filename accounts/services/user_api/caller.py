"""Who calls: the credentials of a request, what Elasticsearch says of them, and the throttle for wrong passwords."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.conf import settings

from accounts.services import errors, request_context
from accounts.services.client import (
    Answer,
    Call,
    ForwardingClient,
    MemoryCache,
    cached_for_service,
    rejection,
    require_own_credentials,
)
from accounts.services.request_context import Actor, SignInKey
from accounts.services.signin import throttle

AUTHENTICATE: Final = "/_security/_authenticate"
# Credentials that were accepted lately: the throttle isn't asked about them, which would cost a call.
_accepted: MemoryCache[bool] = MemoryCache(maxsize=10_000, ttl=60)
# Who the callers of the last seconds are: programs send one change after the other. The cluster checks each of them.
_identities: MemoryCache["Identity"] = MemoryCache(maxsize=10_000, ttl=10)


@dataclass(frozen=True)
class Identity:
    """What Elasticsearch says of the caller, and what the audit trail adds to their name."""

    actor: Actor
    details: dict[str, str]
    # Also with an API key of theirs, although Elasticsearch then gives the realm of keys.
    is_native_or_reserved: bool


@cached_for_service(times=60)
def challenges() -> str:
    """The header of a 401 of Elasticsearch, which depends on its settings; "" if there is none, as with anonymous access."""
    try:
        ForwardingClient("").forward(Call("GET", AUTHENTICATE), is_read=True)
    except errors.ServiceError as exc:
        return exc.answer.headers.get("www-authenticate", "") if exc.answer else ""
    return ""


class _ProvesNothing(Exception):
    """The password may be wrong: counted neither as a failure nor as a success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Caller:
    """The program behind a request, with the credentials of its header."""

    def __init__(self, authorization: str, run_as: str) -> None:
        self.client = ForwardingClient(authorization, run_as)
        self._run_as = run_as

    @property
    def username(self) -> str:
        """Whom Elasticsearch has taken the request for; "" if that isn't known, as in a read with an API key or a token."""
        claimed = self._run_as or self.client.basic_username
        return self.client.actor.username or (claimed if self.client.is_accepted else "")

    def read(self, call: Call) -> Answer:
        """The response to a read as it is. Raises AuthenticationFailed (RateLimited: not sent), Unavailable.

        Only passwords can be guessed: tokens and API keys are random.
        """
        username = self.client.basic_username
        if not self.client.has_credentials and settings.ELASTICSEARCH_CLIENT_CERTFILE:
            raise errors.AuthenticationFailed("no credentials")  # a PKI realm would answer to the certificate of usermgmt
        if not username:
            return self.client.forward(call, is_read=True)
        if _accepted.get(self.client.fingerprint):
            try:
                return self.client.forward(call, is_read=True)
            except errors.AuthenticationFailed:
                _accepted.set(self.client.fingerprint, False)
                raise
        try:
            answer = throttle.attempt(
                throttle.Attempt(username, request_context.source_address.get()), lambda: self._proving_answer(call)
            )
        except _ProvesNothing as exc:
            return exc.answer
        _accepted.set(self.client.fingerprint, True)
        return answer

    def _proving_answer(self, call: Call) -> Answer:
        """Raises _ProvesNothing for an answer that Elasticsearch may give without looking at the password, as to OPTIONS."""
        answer = self.client.forward(call, is_read=True)
        if call.method not in ("GET", "POST") or answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _ProvesNothing(answer)
        return answer

    def identify(self, target: str, *, is_pretty: bool = False) -> Identity:
        """Who the caller is (`_security/_authenticate`); the client's `actor` is that user from then on.

        `target`: of the change to be made. Raises AuthenticationFailed, with a response as if the change had been sent.
        """
        if not self.client.has_credentials:
            raise errors.AuthenticationFailed("no credentials")
        key = (self.client.fingerprint, self._run_as)
        identity = _identities.get(key)
        if identity is None:
            identity = self._identity(target, is_pretty=is_pretty)
            _identities.set(key, identity)
        self.client.actor = identity.actor
        return identity

    def _identity(self, target: str, *, is_pretty: bool) -> Identity:
        asked = f"{AUTHENTICATE}?pretty" if is_pretty else AUTHENTICATE
        try:
            answer = self.read(Call("GET", asked))
        except errors.AuthenticationFailed as exc:
            if exc.answer:
                exc.answer = exc.answer._replace(body=exc.answer.body.replace(f"[{asked}]".encode(), f"[{target}]".encode()))
            raise
        if answer.status >= HTTPStatus.BAD_REQUEST:  # no right to run as that user, for example, or too many requests
            raise rejection(answer, is_read=True)
        body = answer.json()
        if not isinstance(body, dict):
            raise errors.Unavailable("the response to _authenticate is not JSON")
        require_own_credentials(body)
        realm = body.get("lookup_realm" if self._run_as else "authentication_realm") or body["authentication_realm"]
        details = {"via": "User API"}
        key = SignInKey.of(body)
        if self._run_as:
            details["run_as_by"] = self.client.basic_username or str(key or "no information")
        actor = Actor(body["username"], realm["name"], realm["type"], api_key=key)
        return Identity(actor, details, realm["type"] in ("native", "reserved", "_es_api_key"))
