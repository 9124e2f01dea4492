"""`GET _cluster/health`, asked by a person."""

from accounts.services import connection, errors
from accounts.services.connection import Administrator


def status(administrator: Administrator) -> str:
    """`green`, `yellow` or `red`. Raises CredentialsRefused, Unavailable, and Refused where neither they nor we may ask.

    It takes the privilege `monitor`, which somebody with `manage_security` need not have; our own key has it.
    """
    try:
        return str(administrator.cluster.health()["status"])
    except errors.Refused:
        return _as_ourselves()


def _as_ourselves() -> str:
    try:
        return str(connection.service().cluster.health()["status"])
    except errors.NotSetUp as exc:
        raise errors.Refused(str(exc)) from None
