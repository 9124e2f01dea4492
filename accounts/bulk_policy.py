"""What bulk changes leave out because of who carries them out."""

from typing import Final

from accounts import policy
from accounts.services import roles
from accounts.services.jobs import Action, Denial
from accounts.services.signin.operators import Operator
from accounts.services.users import User

OWN_RESET: Final = "Change your own password on the page of your account."
OWN_KEYS: Final = "Revoke your own API keys on the page of your account."


def denial_by(operator: Operator) -> Denial:
    """Why this operator can't change a user so."""

    def denial(action: Action, user: User, wanted: User | None) -> str:
        if action == "activate" or action == "deactivate" or action == "delete":
            return policy.denial_reason(action, operator, user)
        if action == "reset-passwords" and operator.is_account(user.username):
            return OWN_RESET
        if action == "revoke-api-keys" and operator.is_account(user.username):
            return OWN_KEYS
        if reason := policy.denial_reason("edit", operator, user):
            return reason
        if not wanted or not operator.is_account(user.username):
            return ""
        if not wanted.enabled:
            return policy.denial_reason("deactivate", operator, user)
        return policy.OWN_MANAGEMENT if _loses_management(operator, wanted) else ""

    return denial


def _loses_management(operator: Operator, wanted: User) -> bool:
    names = [*wanted.roles, *roles.anonymous_access(operator.client).roles]
    return policy.would_lose_management(operator, wanted, roles.by_name(operator.client, names).values())
