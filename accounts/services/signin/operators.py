"""The operator: the signed-in user of a request.

Checked by the cluster at the sign-in, stored in the session, rechecked every minute.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, request_context, sessions
from accounts.services.client import AdministratorClient, ApiKeyClient, PersonClient
from accounts.services.cluster import requirements
from accounts.services.request_context import Actor, SignInKey
from accounts.services.roles import privileges
from accounts.services.sessions import SessionStore
from accounts.services.signin import throttle
from accounts.services.signin.entered_keys import EnteredKey


@dataclass(frozen=True)
class Identity:
    """What Elasticsearch says of the signed-in user (`_security/_authenticate`, `_security/user/_has_privileges`).

    Of an API key, it is the owner, in the realm in which they created it, with the privileges of the key, which has no roles.
    """

    username: str
    full_name: str
    email: str
    roles: list[str]
    realm: str
    realm_type: str
    privileges: list[str]
    api_key: SignInKey | None = None

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Self:
        """From a session."""
        return cls(**{**data, "api_key": SignInKey.of(data)})


class Operator:
    """A signed-in user: an identity, and a client with their credentials."""

    def __init__(self, identity: Identity, client: PersonClient) -> None:
        self.identity = identity
        self.client = client
        client.actor = _actor(identity)
        self.username = identity.username
        self.full_name = identity.full_name
        self.email = identity.email
        self.roles = identity.roles
        self.realm = identity.realm
        self.api_key = identity.api_key

    def __repr__(self) -> str:
        return f"<Operator {self.username}>"

    @property
    def display_name(self) -> str:
        return self.full_name or self.username

    @property
    def can_manage(self) -> bool:
        """Whether the cluster lets them change users (manage_security)."""
        return privileges.MANAGE_SECURITY in self.identity.privileges

    @property
    def can_read(self) -> bool:
        """Whether the cluster lets them view users (read_security, which manage_security implies)."""
        return bool(self.identity.privileges)

    @property
    def can_change_own_password(self) -> bool:
        """Only passwords in the native and the reserved realm can be changed by the API, and not by those who don't have one."""
        return self._is_native_or_reserved and not self.api_key

    @property
    def can_create_api_keys(self) -> bool:
        """Elasticsearch lets API keys create only API keys without privileges."""
        return not self.api_key

    def is_account(self, username: str) -> bool:
        """Whether this is their own native or reserved user; a user of the same name may exist in another realm."""
        return self._is_native_or_reserved and self.username == username

    @property
    def _is_native_or_reserved(self) -> bool:
        return self.identity.realm_type in ("native", "reserved")


@sensitive_variables("password")
def sign_in(session: SessionStore, username: str, password: str, *, browser: str = "", device: str = "") -> Operator:
    """Start the session of the user to whom these credentials belong; Elasticsearch says who that is, not the form.

    `browser` is shown with the session; `device` is the token of a browser in which the user has signed in before. The oldest
    sessions beyond the limit end. Raises AuthenticationFailed (RateLimited: not checked), Unavailable, NotSetUp, OutcomeUnknown.
    """
    requirements.require_sign_in()
    generation = sessions.generation(username)
    client = PersonClient(username, password)
    attempt = throttle.Attempt(username, request_context.source_address.get(), device)
    operator = Operator(throttle.attempt(attempt, lambda: _identity(client)), client)
    _begin(session, operator, generation, browser, {"credentials": [username, password]})
    return operator


@sensitive_variables("entered", "key")
def sign_in_with_api_key(session: SessionStore, entered: str, *, browser: str = "") -> Operator:
    """Start a session in which all calls are made with this API key: the owner's, with the privileges of the key.

    Failures aren't counted, because API keys are random. Raises AuthenticationFailed, also for a key that isn't allowed to say
    whose it is; Unavailable, NotSetUp, OutcomeUnknown.
    """
    requirements.require_sign_in()
    key = _required(entered)
    client = ApiKeyClient(key.encoded)
    operator = Operator(throttle.proving(lambda: _identity_of_key(client)), client)
    # Only now is the owner known. What ends their sessions at this moment leaves the key as it is, and so it may leave this one.
    generation = sessions.generation(operator.username)
    _begin(session, operator, generation, browser, {"api_key": key.encoded})
    return operator


def from_session(session: SessionStore, *, renews: bool = True) -> Operator | None:
    """The operator of a session, or None, also once sign-in with API keys is off. What is known of them is read every minute.

    `renews`: whether this request counts as activity, which requests that a page makes by itself don't. Raises Unavailable,
    NotSetUp, and AuthenticationFailed once the cluster rejects the credentials.
    """
    if not _can_continue(session):
        return None
    client = _client(session)
    operator = Operator(Identity.stored(session["identity"]), client)
    is_stale = timezone.now() - datetime.fromisoformat(session["checked_at"]) >= settings.PRIVILEGES_FRESH_FOR
    if is_stale:
        operator = Operator(_identity(client), client)
        _keep(session, operator.identity)
    if is_stale or (renews and session.needs_renewal):
        session.renew(is_active=renews)
    return operator


@sensitive_variables("password")
def reauthenticate(session: SessionBase, operator: Operator, password: str, *, device: str = "") -> None:
    """Check that the operator themselves enters their password again, before something is done in their name.

    Raises AuthenticationFailed for a wrong password (RateLimited: not checked), Unavailable, NotSetUp.
    """
    username = session["credentials"][0]
    attempt = throttle.Attempt(username, request_context.source_address.get(), device)
    if throttle.attempt(attempt, lambda: _identity(PersonClient(username, password))).username != operator.username:
        raise errors.AuthenticationFailed("another user")


@sensitive_variables("entered", "key")
def reauthenticate_with_api_key(operator: Operator, entered: str) -> None:
    """The same in a session of an API key, which has to be entered again. Raises AuthenticationFailed, Unavailable."""
    key = _required(entered)
    if throttle.proving(lambda: _identity_of_key(ApiKeyClient(key.encoded))).api_key != operator.api_key:
        raise errors.AuthenticationFailed("another API key")


def uses_api_key(session: SessionBase) -> bool:
    """Whether it is a session of an API key. Raises Unavailable and NotSetUp."""
    return "api_key" in session


def require_valid_credentials(operator: Operator) -> None:
    """Check that the cluster still accepts the operator's credentials, unless a call of this request has shown it.

    Without this, whatever usermgmt reads or does with its own API key would still work for a user who was deactivated elsewhere.
    Raises AuthenticationFailed and Unavailable.
    """
    if not operator.client.is_accepted:
        operator.client.authenticate()


def actor_of(session: SessionBase) -> Actor | None:
    """The user of a session, for the audit trail, without a call to the cluster. Raises Unavailable and NotSetUp."""
    identity = session.get("identity")
    return _actor(Identity.stored(identity)) if identity else None


def recheck_privileges(session: SessionBase) -> None:
    """Have privileges read again at the next request: the operator changed their own roles."""
    session["checked_at"] = datetime.min.replace(tzinfo=timezone.get_current_timezone()).isoformat()


def realm_type_of_owner(key: Mapping[str, Any]) -> str:
    """The type of the realm of an API key, as the API has it. Keys of old clusters have none."""
    by_name = {"default_native": "native", "reserved": "reserved"}
    return str(key.get("realm_type") or by_name.get(key.get("realm", ""), ""))


@sensitive_variables("password")
def client_for_command(command: str, username: str, password: str) -> PersonClient:
    """A client for a management command. Raises AuthenticationFailed and Unavailable."""
    return operator_for_command(command, username, password).client


@sensitive_variables("password")
def operator_for_command(command: str, username: str, password: str) -> Operator:
    """The user of a management command. Raises AuthenticationFailed and Unavailable."""
    client = PersonClient(username, password)
    operator = Operator(_identity(client), client)
    client.actor = replace(client.actor, command=command)
    return operator


@sensitive_variables("password")
def administrator_for_command(command: str, username: str, password: str) -> AdministratorClient:
    """A client for all APIs. Raises AuthenticationFailed and Unavailable."""
    administrator = AdministratorClient(username, password)
    administrator.actor = client_for_command(command, username, password).actor
    return administrator


@sensitive_variables("password")
def continue_with_new_password(session: SessionStore, operator: Operator, password: str) -> None:
    """Keep the operator's own session, with their new password and under a new key."""
    credentials = {"credentials": [session["credentials"][0], password]}
    _start(session, operator.identity, sessions.generation(operator.username), credentials)


@sensitive_variables("credentials")
def _begin(session: SessionStore, operator: Operator, generation: str, browser: str, credentials: Mapping[str, Any]) -> None:
    session.clear()  # of the previous user
    session["origin"] = {"address": request_context.source_address.get(), "browser": browser}
    _start(session, operator.identity, generation, credentials)
    sessions.enforce_limit(operator.client.actor)
    sessions.remove_expired()


@sensitive_variables("credentials")
def _start(session: SessionStore, identity: Identity, generation: str, credentials: Mapping[str, Any]) -> None:
    session.update(credentials)
    session["generation"] = generation
    _keep(session, identity)
    session.cycle_key()
    session.save()


def _keep(session: SessionBase, identity: Identity) -> None:
    session["identity"] = asdict(identity)
    session["checked_at"] = timezone.now().isoformat()


def _can_continue(session: SessionBase) -> bool:
    return "credentials" in session or (settings.API_KEY_SIGN_IN and uses_api_key(session))


@sensitive_variables()
def _client(session: SessionBase) -> PersonClient:
    scope = frozenset(session["identity"]["privileges"])
    if uses_api_key(session):
        return ApiKeyClient(session["api_key"], scope)
    username, password = session["credentials"]
    return PersonClient(username, password, scope)


def _actor(identity: Identity) -> Actor:
    return Actor(identity.username, identity.realm, identity.realm_type, api_key=identity.api_key)


@sensitive_variables("entered")
def _required(entered: str) -> EnteredKey:
    key = EnteredKey.read(entered)
    if key is None:
        raise errors.AuthenticationFailed("not an API key")
    return key


def _identity_of_key(client: ApiKeyClient) -> Identity:
    try:
        return _identity(client)
    except errors.AccessDenied as exc:  # a key that is restricted to a workflow
        raise errors.AuthenticationFailed(str(exc)) from None


def _identity(client: PersonClient) -> Identity:
    answer: Mapping[str, Any] = client.authenticate().body
    key = SignInKey.of(answer)
    realm, realm_type = _realm_of_owner(client, key) if key else _realm(answer)
    return Identity(
        username=answer["username"],
        full_name=answer["full_name"] or "",
        email=answer["email"] or "",
        roles=answer["roles"],
        realm=realm,
        realm_type=realm_type,
        privileges=sorted(privileges.held_by(client)),
        api_key=key,
    )


def _realm(answer: Mapping[str, Any]) -> tuple[str, str]:
    realm = answer["authentication_realm"]
    return realm["name"], realm["type"]


def _realm_of_owner(client: PersonClient, key: SignInKey) -> tuple[str, str]:
    """Name and type. Every API key can read itself. For one that was created with an API key, it is the realm of API keys."""
    found = client.get_api_key(id=key.id)["api_keys"]
    if not found:
        raise errors.Unavailable("Elasticsearch doesn't find the API key that it accepts")
    return found[0]["realm"], realm_type_of_owner(found[0])
