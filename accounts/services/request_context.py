"""The context of the current request, for the audit trail and the request log: actor, source IP, session, and request ID.

The middleware sets source IP, session, and request ID.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span

source_address: ContextVar[str] = ContextVar("source_address", default="")
# The ID of its document, which can't be used to take over the session.
session_id: ContextVar[str] = ContextVar("session", default="")
# IDs of changes whose outcome couldn't be recorded; the page shows a message.
missing_outcomes: ContextVar[list[str] | None] = ContextVar("missing_outcomes", default=None)


@dataclass(slots=True)
class Observation:
    """What is found out about a request on its way. `view`: its name, if the request isn't for a page of the URLconf.

    `span`: that of the request, while traces are on.
    """

    view: str = ""
    username: str = ""
    calls: int = 0
    seconds_of_calls: float = 0.0
    span: "Span | None" = None


observation: ContextVar[Observation | None] = ContextVar("observation", default=None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who performs an action: a user, or a command in the name of a user."""

    username: str
    realm: str = ""
    realm_type: str = ""
    command: str = ""

    @property
    def is_native_or_reserved(self) -> bool:
        """Whether the actor is in the user list; usernames are unique only within a realm."""
        return self.realm_type in ("native", "reserved")
