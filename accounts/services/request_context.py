"""The context of the current request, for the audit trail and the request log: actor, source IP, session, and request ID.

The middleware sets source IP, session, and request ID.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

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
class SignInKey:
    """The API key of a user or program that is authenticated by one. Never its secret."""

    id: str
    name: str = ""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self | None:
        """The key in an answer of `_security/_authenticate`, or None."""
        key = answer.get("api_key")
        return cls(key["id"], key.get("name") or "") if key else None

    def __str__(self) -> str:
        """As the audit trail names it."""
        return f"{self.name or 'no name'} ({self.id})"

    @property
    def label(self) -> str:
        """The name, or the ID of a key without one."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who performs an action: a user, or a command in the name of a user. `api_key`: the key that they are authenticated by."""

    username: str
    realm: str = ""
    realm_type: str = ""
    command: str = ""
    api_key: SignInKey | None = None

    @property
    def unique_name(self) -> str:
        """Realm and username, as in `native/jdoe`: usernames are unique only within a realm."""
        return f"{self.realm}/{self.username}"

    @property
    def is_native_or_reserved(self) -> bool:
        """Whether the actor is in the user list."""
        return self.realm_type in ("native", "reserved")
