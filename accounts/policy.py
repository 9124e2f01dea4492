"""May this operator do that to this user? Pure answers for list, page, dialog and bulk alike; the cluster decides all the same."""

from collections.abc import Iterable
from typing import Literal, get_args

from django.core.exceptions import PermissionDenied

from accounts.services.roles import Role
from accounts.services.signin.operators import Operator
from accounts.services.users import User

Action = Literal["edit", "change_password", "activate", "deactivate", "delete"]

NOT_PRIVILEGED = "You need permission to manage users."
BUILT_IN = "This user is built in and can't be updated or deleted."


def refusal(action: Action, operator: Operator, user: User) -> str:
    """Why the operator may not do it, in a sentence; "" when they may."""
    if not operator.can_manage:
        return NOT_PRIVILEGED
    if action in ("edit", "delete") and user.is_reserved:
        return BUILT_IN
    if action in ("deactivate", "delete") and operator.is_account(user.username):
        return f"You can't {action} your own account. Ask another administrator."
    if action == "activate" and user.enabled:
        return "This user is already active."
    if action == "deactivate" and not user.enabled:
        return "This user is already deactivated."
    return ""


def allowed(operator: Operator, user: User) -> dict[str, bool]:
    """Each action, and whether the operator may do it to this user."""
    return {action: not refusal(action, operator, user) for action in get_args(Action)}


def demand(action: Action, operator: Operator, user: User) -> None:
    """Raise PermissionDenied with the reason when the operator may not."""
    if reason := refusal(action, operator, user):
        raise PermissionDenied(reason)


def would_lose_management(operator: Operator, user: User, roles: Iterable[Role]) -> bool:
    """Whether these roles, given to the operator's own account, would take away the right to give them back."""
    return operator.is_account(user.username) and not any(role.grants_user_management for role in roles)
