"""The health of the cluster (`GET _cluster/health`), for commands."""

from accounts.services import errors
from accounts.services.client import AdministratorClient, service_client


def status(administrator: AdministratorClient) -> str:
    """`green`, `yellow`, or `red`. Raises AuthenticationFailed, Unavailable, and AccessDenied.

    This requires the privilege `monitor`, which administrators may lack; the API key of usermgmt has it.
    """
    try:
        return str(administrator.cluster.health()["status"])
    except errors.AccessDenied:
        return _status_with_api_key()


def _status_with_api_key() -> str:
    try:
        return str(service_client().cluster.health()["status"])
    except errors.NotSetUp as exc:
        raise errors.AccessDenied(str(exc)) from None
