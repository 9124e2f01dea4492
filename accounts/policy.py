"""Which actions an operator can do on a user. Pure functions for lists, pages, and dialogs; the cluster decides in any case."""

from collections.abc import Iterable
from typing import Literal, get_args

from django.core.exceptions import PermissionDenied

from accounts.services.roles import Role
from accounts.services.signin.operators import Operator
from accounts.services.users import User

Action = Literal["edit", "change_password", "activate", "deactivate", "delete"]

NOT_PRIVILEGED = "You need permission to manage users."
OWN_MANAGEMENT = "You can't remove your own permission to manage users. Ask another administrator."
BUILT_IN = "This user is built in and can't be updated or deleted."
ALREADY_DEACTIVATED = "This user is already deactivated."
LAST_ADMINISTRATOR = (
    "No other active native or built-in user can manage users. Administrators from other realms don't count, because their realm "
    "can have an outage. Assign a role with manage_security to another user first."
)


def denial_reason(action: Action, operator: Operator, user: User) -> str:
    """Why the operator can't do it, as a sentence; "" if they can."""
    if not operator.can_manage:
        return NOT_PRIVILEGED
    if action in ("edit", "delete") and user.is_reserved:
        return BUILT_IN
    if action in ("deactivate", "delete") and operator.is_account(user.username):
        return f"You can't {action} your own account. Ask another administrator."
    if action == "activate" and user.enabled:
        return "This user is already active."
    if action == "deactivate" and not user.enabled:
        return ALREADY_DEACTIVATED
    return ""


def allowed(operator: Operator, user: User) -> dict[str, bool]:
    """Each action, and whether the operator can do it on this user."""
    return {action: not denial_reason(action, operator, user) for action in get_args(Action)}


def demand(action: Action, operator: Operator, user: User) -> None:
    """Raise PermissionDenied with the reason if the operator can't do it."""
    if reason := denial_reason(action, operator, user):
        raise PermissionDenied(reason)


def own_password_denial(operator: Operator) -> str:
    """Why the operator can't change their own password; "" if they can."""
    if operator.can_change_own_password:
        return ""
    if operator.api_key:
        by_password = " To change your password, sign in with it." if operator.is_account(operator.username) else ""
        return f"You're signed in with an API key, which can't change a password of its owner.{by_password}"
    return f"Your password is managed by the realm {operator.realm}. Change it there."


def would_lose_management(operator: Operator, user: User, roles: Iterable[Role]) -> bool:
    """Whether the operator would lose the privilege to manage users if their own account had these roles."""
    return operator.is_account(user.username) and not any(role.grants_user_management for role in roles)
