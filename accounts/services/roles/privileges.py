"""The privileges of a client's user, from the cluster."""

from typing import Final

from accounts.services.client import PersonClient

MANAGE_SECURITY: Final = "manage_security"
READ_SECURITY: Final = "read_security"


def held_by(client: PersonClient) -> frozenset[str]:
    """Which of `manage_security` and `read_security` the client's user has: `POST _security/user/_has_privileges`.

    Raises AuthenticationFailed and Unavailable.
    """
    held: dict[str, bool] = client.has_privileges(cluster=[MANAGE_SECURITY, READ_SECURITY])["cluster"]
    return frozenset(privilege for privilege, has in held.items() if has)
