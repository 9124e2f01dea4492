"""Passwords of native and reserved users: `POST _security/user/NAME/_password`. See `policy` for the rules."""

from functools import partial

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, request_context, sessions, users
from accounts.services.client import PersonClient
from accounts.services.signin import throttle
from accounts.services.signin.operators import Operator
from accounts.services.users import outcomes


@sensitive_variables("password")
def change(client: PersonClient, username: str, password: str) -> None:
    """Set a user's password; their sessions end. Raises NotFound, AccessDenied, Invalid, and AuditUnavailable."""
    ending = partial(sessions.ending_all, username)
    with audit.recorded(client, audit.Action.PASSWORD_CHANGE, username, with_outcome=ending):
        _set(client, username, password)


@sensitive_variables("password")
def change_unrecorded(client: PersonClient, username: str, password: str) -> None:
    """As `change`, but without an audit event: for a cluster that can't record one. Only for commands, on request."""
    _set(client, username, password)
    sessions.end_all(username)


@sensitive_variables("password")
def _set(client: PersonClient, username: str, password: str) -> None:
    """Sent once. If the answer is lost, a sign-in with the new password shows that it was applied."""
    if not users.is_valid_username(username):  # an empty username would change the client's own password
        raise errors.NotFound(username)
    with users.missing_is_not_found(client, username):
        try:
            client.change_password(username=username, password=password)
        except errors.OutcomeUnknown:
            if not signs_in(username, password):
                raise


@sensitive_variables("password")
def signs_in(username: str, password: str) -> bool:
    """Whether Elasticsearch accepts the password of a native or reserved user."""
    try:
        _sign_in(username, password)
    except errors.ServiceError:
        return False
    return True


@sensitive_variables("password")
def _sign_in(username: str, password: str) -> None:
    """Raises AuthenticationFailed, also if the password is that of a user with this name in another realm."""
    answer = PersonClient(username, password).authenticate()
    if answer["username"] != username or answer["authentication_realm"]["type"] not in ("native", "reserved"):
        raise errors.AuthenticationFailed("not a native or reserved user")


@sensitive_variables("password")
def verify_outcome(client: PersonClient, event_id: str, password: str, *, is_new: bool) -> audit.Event:
    """Verify a password change with unknown outcome by testing the new or the previous password, and record the result.

    Raises EventNotFound, also for another change, Conflict when the outcome is known, AuditUnavailable, and AuthenticationFailed
    when Elasticsearch rejects the password, which says nothing about the other one and counts as a failed sign-in.
    """
    event = outcomes.unknown_event(event_id)
    if event.action != audit.Action.PASSWORD_CHANGE:
        raise errors.EventNotFound(event_id)
    throttle.attempt(throttle.Attempt(event.target, request_context.source_address.get()), lambda: _sign_in(event.target, password))
    if is_new:
        return audit.record_verification(event, client.actor, "success", outcomes.APPLIED)
    return audit.record_verification(event, client.actor, "failure", outcomes.NOT_APPLIED)


@sensitive_variables("current", "password")
def change_own(operator: Operator, current: str, password: str, *, device: str = "") -> None:
    """Set the operator's own password if `current` is correct, which the API itself doesn't check.

    All their sessions end, including this one: see `operators.continue_with_new_password`. Raises AuthenticationFailed for an
    incorrect password, which counts as a failed sign-in. `device`: the token of a browser that the operator has used before.
    """
    attempt = throttle.Attempt(operator.username, request_context.source_address.get(), device)
    throttle.attempt(attempt, PersonClient(operator.username, current).authenticate)
    change(operator.client, operator.username, password)
