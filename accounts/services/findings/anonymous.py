"""Anonymous access: its roles belong to requests without credentials, and to every user."""

from typing import Final

from accounts.services import roles
from accounts.services.client import PersonClient
from accounts.services.findings.rows import Row

DETAILS: Final = "Requests without credentials and all users have the privileges of these roles."
NO_INFORMATION: Final = "It couldn't be determined whether anonymous access is on, and what it grants to all users."


def find(client: PersonClient) -> dict[str, list[Row]]:
    """The anonymous user, by what its roles allow. Two calls at most. Raises AccessDenied without `read_security`."""
    access = roles.anonymous_access(client)
    if not access.is_known:
        return {"anonymous-access": [Row("", "", "", NO_INFORMATION, badges=("No information",))]}
    if not access.is_on:
        return {}
    granted = roles.get_many(client, access.roles).values()
    slug = "anonymous-access" if all(details.is_read_only for details in granted) else "anonymous-changes"
    return {slug: [Row(access.username, access.username, "", DETAILS, access.roles, ("Reserved",))]}
