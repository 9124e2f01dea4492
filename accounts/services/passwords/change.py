"""Passwords of native and reserved users: `POST _security/user/NAME/_password`. See `policy` for the rules."""

from functools import partial

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, request_context, sessions, users
from accounts.services.client import PersonClient
from accounts.services.signin import throttle
from accounts.services.signin.operators import Operator


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
        answer = PersonClient(username, password).authenticate()
    except errors.ServiceError:
        return False
    return bool(answer["username"] == username and answer["authentication_realm"]["type"] in ("native", "reserved"))


@sensitive_variables("current", "password")
def change_own(operator: Operator, current: str, password: str, *, device: str = "") -> None:
    """Set the operator's own password if `current` is correct, which the API itself doesn't check.

    All their sessions end, including this one: see `operators.continue_with_new_password`. Raises AuthenticationFailed for an
    incorrect password, which counts as a failed sign-in. `device`: the token of a browser that the operator has used before.
    """
    attempt = throttle.Attempt(operator.username, request_context.source_address.get(), device)
    throttle.attempt(attempt, PersonClient(operator.username, current).authenticate)
    change(operator.client, operator.username, password)
