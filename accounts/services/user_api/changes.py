"""Changes of the user API: judged by the rules of the pages, recorded in the audit trail, and sent on as they came."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, passwords, roles, sessions, users
from accounts.services.audit import Action
from accounts.services.audit.events import Changes
from accounts.services.client import Answer, Call, ForwardingClient, exact_text, invalidating
from accounts.services.documents import locks
from accounts.services.passwords import policy
from accounts.services.roles import Role
from accounts.services.user_api.caller import Identity
from accounts.services.user_api.conditions import Conditions
from accounts.services.users import User

# With unknown outcome, these can be repeated at once: they don't depend on what was read before.
REPEATABLE: Final = (Action.USER_ENABLE, Action.USER_DISABLE, Action.USER_DELETE)
# How long a change waits for another one of the same user, in seconds; programs send several at once.
LOCK_PATIENCE: Final = 3.0
REQUIRED: Final = {
    Action.USER_CREATE: "cluster:admin/xpack/security/user/put",
    Action.USER_UPDATE: "cluster:admin/xpack/security/user/put",
    Action.USER_DELETE: "cluster:admin/xpack/security/user/delete",
    Action.USER_ENABLE: "cluster:admin/xpack/security/user/set_enabled",
    Action.USER_DISABLE: "cluster:admin/xpack/security/user/set_enabled",
    Action.PASSWORD_CHANGE: "cluster:admin/xpack/security/user/change_password",
}
NO_CONDITIONS: Final = Conditions()


@dataclass(frozen=True)
class Change:
    """One change: the caller, the user, and the request with its parsed body."""

    client: ForwardingClient
    identity: Identity
    username: str
    call: Call
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    conditions: Conditions = NO_CONDITIONS
    is_locked: bool = False  # the user, for this change

    @property
    def is_own_account(self) -> bool:
        return self.identity.is_native_or_reserved and self.identity.actor.username == self.username

    def send(self, *, refreshes: bool = False) -> Answer:
        """Raises the error of the response, with the response. `refreshes`: also if the program asks for no refresh."""
        return self.client.forward(self.call.without("refresh", "false") if refreshes else self.call, is_read=False)


Make = Callable[[Change], Answer]


def _waiting(*, keeps_lock: bool = True) -> Callable[[Make], Make]:
    """Another change of the same user may hold the lock; nothing of this one was sent.

    Made from the start again, and not only the lock taken later: the other change may have made another user of it. The lock
    comes first then, so that the audit trail has one failure of the change at most, however long it waits.
    """

    def decorate(make: Make) -> Make:
        @sensitive_variables()
        @wraps(make)
        def waiting(change: Change) -> Answer:
            try:
                return make(change)
            except errors.UserLocked:
                with locks.held(users.lock_name(change.username), patience=LOCK_PATIENCE, keeps_lock=keeps_lock):
                    return make(replace(change, is_locked=True))

        return waiting

    return decorate


@sensitive_variables()
@_waiting()
def put(change: Change) -> Answer:
    """Create or overwrite a user, as `PUT _security/user` does.

    Raises Refused, PreconditionFailed, UserLocked, AuditUnavailable, and the error of Elasticsearch's response.
    """
    try:
        return _put(change)
    except errors.UserOverwritten as exc:  # recorded as such; a PUT may overwrite
        sessions.end_all(change.username)
        return cast(Answer, exc.answer)


@sensitive_variables()
def _put(change: Change) -> Answer:
    seen = _seen(change)
    was, now = seen.user, _wanted(change, seen.user)
    _require_valid_password(change.body, now)
    _require_own_management(change, was, now)
    action = Action.USER_CREATE if seen.is_new else Action.USER_UPDATE
    with ExitStack() as records:
        ends = not seen.is_new and (_sets_password(change.body) or not now.enabled)
        records.enter_context(
            _recorded(change, action, changes=users.changed_fields(was, now), takes_lock=True, ends_sessions=ends)
        )
        if not seen.is_new and _sets_password(change.body):
            records.enter_context(_recorded(change, Action.PASSWORD_CHANGE, takes_lock=False))
        records.enter_context(_guard(change, was, now.roles if now.enabled else ()))
        records.enter_context(users.invalidating_for_update(was or User(change.username), now))
        # The next one who takes roles from an administrator searches for the ones who are left.
        answer = change.send(refreshes=was is not None and users.loses_roles(was, now.roles if now.enabled else ()))
        if seen.is_new and (answer.json() or {}).get("created") is False:
            raise _with_answer(errors.UserOverwritten(change.username), answer)
    return answer


@_waiting(keeps_lock=False)
def enable(change: Change) -> Answer:
    return _set_enabled(change, enabled=True)


@_waiting(keeps_lock=False)
def disable(change: Change) -> Answer:
    """Deactivate a user; their sessions end."""
    return _set_enabled(change, enabled=False)


def _set_enabled(change: Change, *, enabled: bool) -> Answer:
    was = _seen(change).user
    action = Action.USER_ENABLE if enabled else Action.USER_DISABLE
    changes = {"enabled": (was and was.enabled, enabled)}
    guard = nullcontext() if enabled else _guard(change, was)
    with _recorded(change, action, changes=changes, takes_lock=True, ends_sessions=not enabled), guard, invalidating():
        return change.send(refreshes=not enabled)


@sensitive_variables()
@_waiting()
def change_password(change: Change) -> Answer:
    """Set a password; the sessions of the user end. Raises Refused for one that the policy rejects."""
    _require_valid_password(change.body, _seen(change).user or User(change.username))
    with _recorded(change, Action.PASSWORD_CHANGE, ends_sessions=True):
        return _sent_or_applied(change)


@sensitive_variables()
def _sent_or_applied(change: Change) -> Answer:
    """If the response is lost, a sign-in with the new password shows that it was applied."""
    try:
        return change.send()
    except errors.OutcomeUnknown:
        password = change.body.get("password")
        if not isinstance(password, str) or not passwords.signs_in(change.username, password):
            raise
        return Answer(HTTPStatus.OK, {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}, b"{}")


@_waiting(keeps_lock=False)
def delete(change: Change) -> Answer:
    """Delete a user; their sessions end. Raises Refused for the caller's own account."""
    if change.is_own_account:
        raise errors.Refused("users may not delete their own account")
    was = _seen(change).user
    changes = users.changed_fields(was, None)
    recorded = _recorded(change, Action.USER_DELETE, changes=changes, takes_lock=True, ends_sessions=True)
    with recorded, _guard(change, was), invalidating():
        return change.send(refreshes=True)


def _has_privilege(change: Change, action: Action) -> bool:
    """Whether the caller may do this. All users may change their own password, without a privilege."""
    if action == Action.PASSWORD_CHANGE and change.is_own_account:
        return True
    required = REQUIRED[action]
    return bool(change.client.has_privileges(cluster=[required])["cluster"][required])


def _guard(change: Change, was: User | None, roles_after: tuple[str, ...] = ()) -> AbstractContextManager[None]:
    """Raises LastAdministrator if nobody else could manage users, AdministratorsUnknown if the caller can't read that."""
    return users.keeping_an_administrator(change.client, was, roles_after) if was else nullcontext()


@contextmanager
def _recorded(
    change: Change, action: Action, *, changes: Changes | None = None, takes_lock: bool | None = None, ends_sessions: bool = False
) -> Iterator[None]:
    """`takes_lock`: by default, a change with conditions locks the user, so that they are met until it is made.

    A caller without the privilege will be rejected. They can't lock users, or fill the audit trail with what they send or view.
    """
    takes_lock = bool(change.conditions) if takes_lock is None else takes_lock
    if (changes or takes_lock) and not _has_privilege(change, action):
        changes, takes_lock = None, False
    lock = users.lock_name(change.username) if takes_lock and not change.is_locked else ""
    details = dict(change.identity.details)
    if action in (Action.USER_CREATE, Action.PASSWORD_CHANGE) and change.body.get("password_hash") is not None:
        details["password"] = policy.HASH_DETAIL
    ending = partial(sessions.ending_all, change.username) if ends_sessions else None
    recording = audit.recorded(
        change.client,
        action,
        change.username,
        changes=changes,
        details=details,
        lock=lock,
        keeps_lock=action not in REPEATABLE,
        with_outcome=ending,
    )
    with recording:
        if takes_lock and change.conditions:
            _seen(change)
        yield


def _with_answer(error: errors.ServiceError, answer: Answer) -> errors.ServiceError:
    error.answer = answer
    return error


class Seen(NamedTuple):
    """The user before the change; None if there isn't one, or if the caller can't read users."""

    user: User | None
    is_readable: bool = True

    @property
    def is_new(self) -> bool:
        return self.is_readable and self.user is None


def _seen(change: Change) -> Seen:
    """Raises PreconditionFailed unless the user is as the request requires, and AccessDenied if that can't be read.

    Without a condition, who may change users and not read them isn't stopped: that is for the cluster to decide.
    """
    try:
        with exact_text():
            stored = users.stored(change.client, change.username)
    except errors.NotFound:
        change.conditions.require(None)
        return Seen(None)
    except errors.AccessDenied:
        if change.conditions:
            raise
        return Seen(None, is_readable=False)
    change.conditions.require(stored)
    return Seen(users.user_from_api(stored))


def _wanted(change: Change, was: User | None) -> User:
    """The user after the request, as far as its body has the right types; otherwise, Elasticsearch rejects it."""
    body = change.body
    given = body.get("roles")
    return User(
        username=change.username,
        full_name=_text(body.get("full_name")),
        email=_text(body.get("email")),
        roles=tuple(map(str, given) if isinstance(given, list) else given.split(",") if isinstance(given, str) and given else ()),
        enabled=body.get("enabled", True) not in (False, "false"),
        metadata=_metadata(body, was),
    )


def _metadata(body: Mapping[str, Any], was: User | None) -> dict[str, Any]:
    """Elasticsearch merges it, unless the request sets a password: then it replaces the user as a whole."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return metadata if was is None or _sets_password(body) else users.merged_metadata(was.metadata, metadata)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _sets_password(body: Mapping[str, Any]) -> bool:
    return body.get("password") is not None or body.get("password_hash") is not None


@sensitive_variables()
def _require_valid_password(body: Mapping[str, Any], user: User) -> None:
    if body.get("password_hash") is not None and not settings.USER_API_PASSWORD_HASHES:
        raise errors.Refused("usermgmt doesn't accept password hashes, because its password policy can't check them")
    password = body.get("password")
    if not isinstance(password, str):  # missing, or Elasticsearch rejects it
        return
    try:
        policy.validate(password, user)
    except ValidationError as exc:
        raise errors.InvalidPassword(exc.messages) from None


def _require_own_management(change: Change, was: User | None, now: User) -> None:
    """Nobody takes the privilege to manage users from themselves, which would end their own work half-way.

    Whoever has it can read roles. Others have nothing to lose; an API key goes on, whatever becomes of its owner.
    """
    if was is None or not change.is_own_account:
        return
    if not now.enabled:
        raise errors.Refused("users may not update the enabled status of their own account")
    try:
        found = roles.by_name(change.client, {*was.roles, *now.roles})
    except errors.AccessDenied:
        return
    if _can_manage(was, found) and not _can_manage(now, found):
        raise errors.Refused("users may not remove their own privilege to manage users")


def _can_manage(user: User, found: Mapping[str, Role]) -> bool:
    return any(found[name].grants_user_management for name in user.roles)
