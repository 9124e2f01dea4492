"""System: what an administrator of usermgmt looks at when something is wrong, or before it is. Read-only."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import requires_manager, requires_valid_credentials
from accounts.http import AppRequest
from accounts.services import audit
from accounts.services.client.setup_problems import FILE_CHANGED
from accounts.services.cluster import overview, requirements
from accounts.services.errors import LicenseExpired, NotSetUp, ServiceError
from accounts.unsafe_settings import unsafe_settings
from accounts.views import parts
from accounts.views.parts import Part
from usermgmt.paths import ENV_FILE_NAME, SETUP_CLUSTER

MONITOR: Final = "cluster privilege monitor"
READ_TEMPLATES: Final = "cluster privilege indices:admin/index_template/get"
READ_METADATA: Final = f"index privilege view_index_metadata for {overview.ALL_INDICES}"
READ_TRAIL: Final = "index privilege read for usermgmt-audit-*"
READ_SIZES: Final = f"index privilege monitor for {overview.ALL_INDICES}"
LICENSE_EXPIRED: Final = "The license has expired, so Elasticsearch rejects this request."


@require_GET
@requires_manager
@requires_valid_credentials
def system(request: AppRequest) -> HttpResponse:
    """Eleven calls, and up to six for the problems, which are cached."""
    license = _part(overview.license, MONITOR)
    part = partial(_part, has_license=not license.value or license.value.is_active)
    sizes = part(partial(overview.sizes, request.user.client), READ_SIZES)
    context = {
        "problems": _problems(),
        "cluster": part(overview.cluster, MONITOR),
        "license": license,
        "connection": _connection(),
        "clocks": part(overview.clocks, MONITOR),
        "own_key": part(overview.own_key, MONITOR),
        "templates": part(overview.templates, READ_TEMPLATES),
        "indices": part(lambda: _with_sizes(overview.own_indices(), sizes.value or {}), READ_METADATA),
        "sizes": sizes,
        "trail_start": part(audit.trail_start, READ_TRAIL),
        "unsafe_settings": unsafe_settings(),
        "settings": settings,
        "env_file": ENV_FILE_NAME,
    }
    return render(request, "system/view.html", context)


def _problems() -> list[str]:
    """In the words of /readyz."""
    try:
        return [exc.problem for exc in requirements.require_readiness()]
    except ServiceError as exc:
        return [exc.problem or "Elasticsearch is unavailable"]


def _part(read: Callable[[], object], privilege: str, *, has_license: bool = True) -> Part:
    problem_of = partial(_problem_of, privilege=privilege, has_license=has_license)
    return parts.load(read, f"You don't have the {privilege}.", problem_of)


def _problem_of(exc: ServiceError, privilege: str, *, has_license: bool) -> str:
    """Of the license and of the API key of usermgmt."""
    if isinstance(exc, LicenseExpired):
        return LICENSE_EXPIRED
    if not isinstance(exc, NotSetUp):
        return ""
    if not has_license:
        return LICENSE_EXPIRED
    if type(exc) is not NotSetUp:
        return exc.problem
    return f"The API key of usermgmt doesn't have the {privilege}. An administrator must run `{SETUP_CLUSTER}`."


def _connection() -> Part:
    try:
        return Part(overview.connection())
    except (OSError, ValueError):
        return Part(problem=FILE_CHANGED)


def _with_sizes(indices: list[overview.Index], sizes: dict[str, tuple[int, int]]) -> list[overview.Index]:
    return [replace(index, documents=found[0], size=found[1]) if (found := sizes.get(index.name)) else index for index in indices]
