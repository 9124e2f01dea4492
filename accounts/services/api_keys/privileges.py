"""What an API key opens: only what both its own privileges and those of its owner at its creation open."""

from accounts.services.api_keys.pages import Key
from accounts.services.roles import escalation
from accounts.services.roles.escalation import Escalation


def escalations_of(key: Key) -> tuple[Escalation, ...]:
    """The paths that a key opens. A key without own privileges has those of its owner. `run_as` is not included."""
    limit = escalation.every(escalation.merged(role for roles in key.get("limited_by") or [] for role in roles.values()))
    own = key.get("role_descriptors")
    return escalation.both(escalation.every(escalation.merged(own.values())), limit) if own else limit
