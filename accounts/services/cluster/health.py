"""`GET _cluster/health`, asked by a person."""

from accounts.services import errors
from accounts.services.client import AdministratorClient, service_client


def status(administrator: AdministratorClient) -> str:
    """`green`, `yellow` or `red`. Raises AuthenticationFailed, Unavailable, and AccessDenied where neither they nor we may ask.

    It takes the privilege `monitor`, which somebody with `manage_security` need not have; our own key has it.
    """
    try:
        return str(administrator.cluster.health()["status"])
    except errors.AccessDenied:
        return _as_ourselves()


def _as_ourselves() -> str:
    try:
        return str(service_client().cluster.health()["status"])
    except errors.NotSetUp as exc:
        raise errors.AccessDenied(str(exc)) from None
