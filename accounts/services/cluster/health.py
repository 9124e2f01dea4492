"""The health of the cluster (`GET _cluster/health`), for commands."""

from accounts.services import errors
from accounts.services.client import AdministratorClient, service_client


def status(administrator: AdministratorClient) -> str:
    """`green`, `yellow`, `red`, or `unknown` if the license has expired, but users can be read.

    Raises AuthenticationFailed, Unavailable, and AccessDenied. This requires the privilege `monitor`, which administrators may
    lack; the API key of usermgmt has it.
    """
    try:
        return str(administrator.cluster.health()["status"])
    except errors.LicenseExpired:
        _read_a_user(administrator)
        return "unknown"
    except errors.AccessDenied:
        return _status_with_api_key()


def _read_a_user(administrator: AdministratorClient) -> None:
    try:
        administrator.security.get_user(username="elastic")
    except errors.NotFound:  # without built-in users
        pass


def _status_with_api_key() -> str:
    try:
        return str(service_client().cluster.health()["status"])
    except errors.NotSetUp as exc:
        raise errors.AccessDenied(str(exc)) from None
