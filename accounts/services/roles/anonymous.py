"""Anonymous access (`xpack.security.authc.anonymous.roles`): the roles that every user has besides their own."""

from dataclasses import dataclass
from typing import Final

from accounts.services import errors
from accounts.services.client import PersonClient, UnauthenticatedClient, cached_per_scope, is_anonymous

# How Elasticsearch refuses a request without credentials; a proxy in front of it refuses in other words.
REFUSED: Final = "missing authentication credentials"


@dataclass(frozen=True, slots=True)
class AnonymousAccess:
    """The anonymous user, as whom requests without credentials are accepted; "" while anonymous access is off.

    `roles`: Elasticsearch also gives them to every other user. `is_known`: False if it couldn't be found out.
    """

    username: str = ""
    roles: tuple[str, ...] = ()
    is_known: bool = True

    @property
    def is_on(self) -> bool:
        return bool(self.username)

    def __str__(self) -> str:
        """For exports and reports."""
        if not self.is_known:
            return "no information"
        return f"on: every user also has the roles of {self.username}: {', '.join(self.roles)}" if self.is_on else "off"


UNKNOWN: Final = AnonymousAccess(is_known=False)


@cached_per_scope
def anonymous_access(client: PersonClient) -> AnonymousAccess:
    """Whether anonymous access is on: `_security/_authenticate` without credentials, which needs no privilege.

    `client`: for whom the answer is cached.
    """
    try:
        answer = UnauthenticatedClient().authenticate().body
    except errors.AuthenticationFailed as exc:
        return AnonymousAccess() if REFUSED in str(exc) else UNKNOWN
    except errors.ServiceError:
        return UNKNOWN
    if not is_anonymous(answer):  # a proxy adds credentials
        return UNKNOWN
    return AnonymousAccess(answer["username"], tuple(answer["roles"]))
