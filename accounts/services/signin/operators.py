"""The operator: the signed-in user of a request.

Checked by the cluster at the sign-in, stored in the session, rechecked every minute.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, request_context, sessions
from accounts.services.client import AdministratorClient, PersonClient
from accounts.services.cluster import requirements
from accounts.services.request_context import Actor
from accounts.services.roles import privileges
from accounts.services.sessions import SessionStore
from accounts.services.signin import throttle


@dataclass(frozen=True)
class Identity:
    """What Elasticsearch says of the signed-in user (`_security/_authenticate`, `_security/user/_has_privileges`)."""

    username: str
    full_name: str
    email: str
    roles: list[str]
    realm: str
    realm_type: str
    privileges: list[str]


class Operator:
    """A signed-in user: an identity, and a client with their credentials."""

    def __init__(self, identity: Identity, client: PersonClient) -> None:
        self.identity = identity
        self.client = client
        client.actor = Actor(identity.username, identity.realm, identity.realm_type)
        self.username = identity.username
        self.full_name = identity.full_name
        self.email = identity.email
        self.roles = identity.roles
        self.realm = identity.realm

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
        """Only passwords in the native and the reserved realm can be changed by the API."""
        return self.identity.realm_type in ("native", "reserved")

    def is_account(self, username: str) -> bool:
        """Whether this is their own native or reserved user; a user of the same name may exist in another realm."""
        return self.can_change_own_password and self.username == username


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
    session.clear()  # of the previous user
    session["origin"] = {"address": attempt.address, "browser": browser}
    _start(session, operator.identity, generation, username, password)
    sessions.enforce_limit(client.actor)
    sessions.remove_expired()
    return operator


def from_session(session: SessionStore, *, renews: bool = True) -> Operator | None:
    """The operator of a session, or None. Identity and privileges are read again once they are a minute old.

    `renews`: whether this request counts as activity, which requests that a page makes by itself don't. Raises Unavailable,
    NotSetUp, and AuthenticationFailed once the cluster rejects the credentials.
    """
    if "credentials" not in session:
        return None
    username, password = session["credentials"]
    client = PersonClient(username, password, frozenset(session["identity"]["privileges"]))
    operator = Operator(Identity(**session["identity"]), client)
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
    return Actor(identity["username"], identity["realm"], identity["realm_type"]) if identity else None


def recheck_privileges(session: SessionBase) -> None:
    """Have privileges read again at the next request: the operator changed their own roles."""
    session["checked_at"] = datetime.min.replace(tzinfo=timezone.get_current_timezone()).isoformat()


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
    _start(session, operator.identity, sessions.generation(operator.username), session["credentials"][0], password)


@sensitive_variables("password")
def _start(session: SessionStore, identity: Identity, generation: str, username: str, password: str) -> None:
    session["credentials"] = [username, password]
    session["generation"] = generation
    _keep(session, identity)
    session.cycle_key()
    session.save()


def _keep(session: SessionBase, identity: Identity) -> None:
    session["identity"] = asdict(identity)
    session["checked_at"] = timezone.now().isoformat()


def _identity(client: PersonClient) -> Identity:
    answer: Mapping[str, Any] = client.authenticate().body
    return Identity(
        username=answer["username"],
        full_name=answer["full_name"] or "",
        email=answer["email"] or "",
        roles=answer["roles"],
        realm=answer["authentication_realm"]["name"],
        realm_type=answer["authentication_realm"]["type"],
        privileges=sorted(privileges.held_by(client)),
    )
