"""Where a call comes from: who makes it, from which address, in which session. The audit trail writes it down.

Address and session belong to the request that is being answered; the middleware sets them, as it does the request's id.
"""

from contextvars import ContextVar
from dataclasses import dataclass

source_address: ContextVar[str] = ContextVar("source_address", default="")
# Its document's id: whoever reads the trail cannot take the session over.
session_id: ContextVar[str] = ContextVar("session", default="")
# What was done and whose outcome the trail could not take, for the page to say so.
missing_outcomes: ContextVar[list[str] | None] = ContextVar("missing_outcomes", default=None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person as the cluster knows them, or a command of the product on somebody's behalf."""

    username: str
    realm: str = ""
    realm_type: str = ""
    command: str = ""

    @property
    def is_native_or_reserved(self) -> bool:
        """Whether this is one of the users that the product lists; another realm may know the same name."""
        return self.realm_type in ("native", "reserved")
