"""System checks (`manage.py check`)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.decorators import declares_access
from accounts.services import errors
from accounts.services.cluster import requirements
from accounts.services.passwords import policy as password_policy
from accounts.unsafe_settings import exposed_files
from usermgmt import tracing
from usermgmt.configuration import require_encryption, require_server_certificate
from usermgmt.paths import ENV_FILE_NAME, SETUP_CLUSTER

KEY_HINT: Final = f"`{SETUP_CLUSTER} --env-file {ENV_FILE_NAME}` creates it."


@register(Tags.security, Tags.urls)
def access_is_declared(**options: Any) -> list[CheckMessage]:
    """Check that every view of the URLconf declares who can open it."""
    return [
        Error(
            f"The view {view.__module__}.{view.__qualname__} ('{route}') doesn't declare who can open it.",
            hint="Decorate it with one of accounts.decorators, or with login_not_required.",
            obj=view,
            id="accounts.E001",
        )
        for route, view in _views(get_resolver().url_patterns)
        if not declares_access(view)
    ]


@register(Tags.security)
def keys_are_set(**options: Any) -> list[CheckMessage]:
    """Check that setup_cluster was run. Without an API key, every page says so; without a SECRET_KEY, the server doesn't start."""
    kinds = {"SECRET_KEY": Error, "ELASTICSEARCH_API_KEY": Warning}
    return [kinds[name](f"{name} is not set.", hint=KEY_HINT, id="accounts.E002") for name in settings.MISSING_KEYS]


@register(Tags.security)
def certificate_is_valid(**options: Any) -> list[CheckMessage]:
    """Check TLS_CERTFILE and TLS_KEYFILE here instead of in the settings: other commands don't need to read the key."""
    try:
        require_server_certificate(settings.TLS_CERTFILE, settings.TLS_KEYFILE)
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="accounts.E005")]
    return []


@register(Tags.security)
def secrets_are_private(**options: Any) -> list[CheckMessage]:
    """Check that other users of this machine can't read files with secrets. The group can, as systemd and Kubernetes mount them."""
    return [Warning(f"{each.name}: {each.problem}", hint=each.remedy, id="accounts.W009") for each in exposed_files()]


@register(Tags.security)
def connections_are_encrypted(**options: Any) -> list[CheckMessage]:
    """Check HTTPS here instead of in the settings: other commands don't serve."""
    try:
        require_encryption(settings.WEB_BIND, https=settings.HTTPS, allows_http=settings.ALLOW_HTTP)
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="accounts.E007")]
    return []


@register(Tags.security)
def pages_can_be_opened(**options: Any) -> list[CheckMessage]:
    """Check that a request can count as HTTPS. Not an error: health checks and metrics are answered."""
    if not settings.HTTPS or settings.TLS_CERTFILE or settings.BEHIND_PROXY:
        return []
    text = "No page can be opened, because HTTPS is on, and the server has neither a certificate nor a proxy."
    hint = (
        "Set TLS_CERTFILE and TLS_KEYFILE, or BEHIND_PROXY=true with a proxy that terminates HTTPS. To try usermgmt in a browser "
        "on this machine, set HTTPS=false."
    )
    return [Warning(text, hint=hint, id="accounts.W010")]


@register(Tags.security)
def password_blocklist_is_readable(**options: Any) -> list[CheckMessage]:
    """Check PASSWORD_BLOCKLIST by reading it to its end. It isn't kept: the server loads it in each of its processes."""
    try:
        if settings.PASSWORD_BLOCKLIST:
            password_policy.require_readable_blocklist(settings.PASSWORD_BLOCKLIST)
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="accounts.E008")]
    return []


@register(Tags.compatibility)
def traces_are_possible(**options: Any) -> list[CheckMessage]:
    """Check what the environment says about traces. It may be written for all programs of a machine, so the server still starts."""
    try:
        if recorder := tracing.configured():
            recorder.stop()
    except ImproperlyConfigured as exc:
        return [Warning("There are no traces.", hint=str(exc), id="accounts.W006")]
    return []


@register("cluster", deploy=True)
def cluster_is_set_up(**options: Any) -> list[CheckMessage]:
    """Check the cluster with the API key of usermgmt, only with `--deploy`: other commands must start without Elasticsearch."""
    if not settings.ELASTICSEARCH_API_KEY:
        return [Error("Nobody can sign in without ELASTICSEARCH_API_KEY.", hint=KEY_HINT, id="accounts.E003")]
    try:
        return [Warning(exc.problem, hint=_words(exc), id="accounts.W003") for exc in requirements.require_readiness()]
    except errors.ServiceError as exc:
        text = exc.problem or "Elasticsearch is unavailable, so its setup couldn't be checked."
        return [Error(text, hint=_words(exc), id="accounts.E003" if exc.problem else "accounts.E004")]


def _words(exc: errors.ServiceError) -> str | None:
    """Those of Elasticsearch, or of its client."""
    return str(exc) if str(exc) != exc.problem else None


def _views(patterns: Sequence[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        else:
            yield route, pattern.callback
