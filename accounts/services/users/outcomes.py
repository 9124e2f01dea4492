"""Changes of which nobody knows what became of them: the node is asked, and its answer is added to the trail."""

from typing import Final

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, users
from accounts.services.audit import Event
from accounts.services.connection import Person

SUCCESS: Final = "The node has it as it was to be."
FAILURE: Final = "The node has it as it was before."
NEITHER: Final = "The node has it neither as it was before nor as it was to be: somebody has changed it since."
GONE: Final = "The user does not exist any more."
ANOTHER: Final = "A user of that name exists, but not as it was to be created: somebody else may have made it."
PASSWORD: Final = "Elasticsearch does not show passwords. Try one of the two, or set the password again."  # noqa: S105
ELSEWHERE: Final = "The node has nothing that would tell. Repeat what was to be done, if it is still needed."


def resolve(connection: Person, event_id: str) -> Event:
    """Ask the node what became of a change, and add the answer to the trail; "unknown" when it cannot tell, and nothing is added.

    Raises NotFound, Conflict when it is known by now, Refused, NotRecorded.
    """
    event = _unknown(event_id)
    outcome, reason = _of_node(connection, event)
    return audit.resolved(event, connection.actor, outcome, reason)


@sensitive_variables("password")
def resolve_password(connection: Person, event_id: str, password: str, *, is_new: bool) -> Event:
    """The same for a password change, by a password that the person knows: the new one, or the one before.

    Raises CredentialsRefused when the cluster does not accept it, which tells nothing of the other one.
    """
    event = _unknown(event_id)
    Person(event.target, password).authenticate()
    return audit.resolved(event, connection.actor, "success" if is_new else "failure", SUCCESS if is_new else FAILURE)


def _unknown(event_id: str) -> Event:
    event = audit.get(event_id)
    if event.outcome != "unknown":
        raise errors.Conflict("the outcome is known")
    return event


def _of_node(connection: Person, event: Event) -> tuple[audit.Outcome, str]:
    if event.action == "password-change":
        return "unknown", PASSWORD
    if event.kind != "user" or not event.action.startswith("user-"):
        return "unknown", ELSEWHERE
    try:
        facts = users.facts(users.get(connection, event.target))
    except errors.NotFound:
        facts = {}
    return _compared(event, facts)


def _compared(event: Event, facts: dict[str, object]) -> tuple[audit.Outcome, str]:
    """`facts` is empty for a user who does not exist."""
    if event.action == "user-delete":
        return ("failure", FAILURE) if facts else ("success", SUCCESS)
    if not facts:
        return ("failure", FAILURE) if event.action == "user-create" else ("unknown", GONE)
    if all(facts.get(name) == after for name, (_, after) in event.changes.items()):
        return "success", SUCCESS
    if event.action != "user-create" and all(facts.get(name) == before for name, (before, _) in event.changes.items()):
        return "failure", FAILURE
    return "unknown", ANOTHER if event.action == "user-create" else NEITHER
