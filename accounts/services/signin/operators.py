"""The person who uses the pages: checked by the cluster at sign-in, kept in the session, asked about again every minute."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.services import errors, request_context, sessions
from accounts.services.client import PersonClient
from accounts.services.request_context import Actor
from accounts.services.roles import privileges
from accounts.services.signin import throttle


@dataclass(frozen=True)
class Identity:
    """What the cluster says of a signed-in person: `_security/_authenticate` and `_has_privileges`."""

    username: str
    full_name: str
    email: str
    roles: list[str]
    realm: str
    realm_type: str
    privileges: list[str]


class Operator:
    """A signed-in person: an identity, and the connection that carries their credentials."""

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
        """The full name, or the user name of somebody without one."""
        return self.full_name or self.username

    @property
    def can_manage(self) -> bool:
        """Whether the cluster lets them change users (manage_security)."""
        return privileges.MANAGE_SECURITY in self.identity.privileges

    @property
    def can_read(self) -> bool:
        """Whether the cluster lets them see users (read_security, which manage_security implies)."""
        return bool(self.identity.privileges)

    @property
    def can_change_own_password(self) -> bool:
        """Only the native and the reserved realm keep passwords that the API can change."""
        return self.identity.realm_type in ("native", "reserved")

    def is_account(self, username: str) -> bool:
        """Whether the native or reserved user of that name is themselves; another realm may know the same name."""
        return self.can_change_own_password and self.username == username


@sensitive_variables("password")
def sign_in(session: sessions.SessionStore, username: str, password: str, *, browser: str = "", device: str = "") -> Operator:
    """Begin the session of whoever these credentials belong to; who that is says the cluster, not what was typed.

    `browser` is shown with the session; `device` is the mark of one that the person has used before. The oldest sessions beyond
    the limit end. Raises AuthenticationFailed (RateLimited: nobody was asked), Unavailable, NotSetUp, OutcomeUnknown.
    """
    generation = sessions.generation(username)
    client = PersonClient(username, password)
    guess = throttle.Attempt(username, request_context.source_address.get(), device)
    operator = Operator(throttle.attempt(guess, lambda: _identity(client)), client)
    session.clear()  # of whoever was signed in here before
    session["origin"] = {"address": guess.address, "browser": browser}
    _begin(session, operator.identity, generation, username, password)
    sessions.enforce_limit(client.actor)
    sessions.remove_expired()
    return operator


def from_session(session: sessions.SessionStore, *, renews: bool = True) -> Operator | None:
    """The operator of a session, or None. What they may do is asked again when the last answer is a minute old.

    `renews`: whether the person is here, or only a page that asks by itself. Raises Unavailable, NotSetUp, and AuthenticationFailed
    once the cluster does not accept the kept credentials.
    """
    if "credentials" not in session:
        return None
    username, password = session["credentials"]
    client = PersonClient(username, password, frozenset(session["identity"]["privileges"]))
    operator = Operator(Identity(**session["identity"]), client)
    is_old = _is_old(datetime.fromisoformat(session["checked_at"]))
    if is_old:
        operator = Operator(_identity(client), client)
        _remember(session, operator.identity)
    if is_old or (renews and session.is_due):
        session.renew(seen=renews)
    return operator


def _is_old(moment: datetime) -> bool:
    return timezone.now() - moment >= settings.OPERATOR_FRESH_FOR


@sensitive_variables("password")
def reauthenticate(session: SessionBase, operator: Operator, password: str, *, device: str = "") -> None:
    """Whether it is the operator who types this password again, before something that is done in their name.

    Raises AuthenticationFailed for a wrong one (RateLimited: nobody was asked), Unavailable, NotSetUp.
    """
    username = session["credentials"][0]
    guess = throttle.Attempt(username, request_context.source_address.get(), device)
    if throttle.attempt(guess, lambda: _identity(PersonClient(username, password))).username != operator.username:
        raise errors.AuthenticationFailed("another person")


def demand_accepted(operator: Operator) -> None:
    """Ask the cluster whether it still accepts the operator's credentials, unless it has said so during this request.

    What is shown or done with the product's own key only would else go on for somebody who was deactivated elsewhere. Raises
    AuthenticationFailed and Unavailable.
    """
    if not operator.client.is_accepted:
        operator.client.authenticate()


def actor_of(session: SessionBase) -> Actor | None:
    """Who the session belongs to, for the audit trail, without asking the cluster; None: nobody. Raises Unavailable, NotSetUp."""
    identity = session.get("identity")
    return Actor(identity["username"], identity["realm"], identity["realm_type"]) if identity else None


def recheck_privileges(session: SessionBase) -> None:
    """After somebody changed their own roles: what they may do is asked anew at the next request."""
    session["checked_at"] = datetime.min.replace(tzinfo=timezone.get_current_timezone()).isoformat()


@sensitive_variables("password")
def client_for_command(command: str, username: str, password: str) -> PersonClient:
    """The connection of whoever these credentials belong to, for a command. Raises AuthenticationFailed and Unavailable."""
    client = PersonClient(username, password)
    identity = _identity(client)
    client.actor = Actor(identity.username, identity.realm, identity.realm_type, command)
    return client


@sensitive_variables("password")
def continue_with_new_password(session: sessions.SessionStore, operator: Operator, password: str) -> None:
    """Let the operator's own session go on, with the new password and under a new id."""
    _begin(session, operator.identity, sessions.generation(operator.username), session["credentials"][0], password)


@sensitive_variables("password")
def _begin(session: sessions.SessionStore, identity: Identity, generation: str, username: str, password: str) -> None:
    session["credentials"] = [username, password]
    session["generation"] = generation
    _remember(session, identity)
    session.cycle_key()
    session.save()


def _remember(session: SessionBase, identity: Identity) -> None:
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
