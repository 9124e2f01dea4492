"""Settings that are valid, and weaken the protection that usermgmt has without them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from usermgmt.configuration import is_reachable, is_this_machine
from usermgmt.secret_files import is_exposed

KEY_LENGTH: Final = 48  # setup_cluster generates 64 characters
MANY_FAILURES: Final = 100
MANY_FAILURES_IN_ALL: Final = 1000
THIS_MACHINE: Final = ["localhost", "127.0.0.1", "[::1]"]  # the default of ALLOWED_HOSTS


@dataclass(frozen=True)
class UnsafeSetting:
    name: str
    problem: str
    remedy: str


def unsafe_settings() -> list[UnsafeSetting]:
    """The most important first."""
    return [*_of_connections(), *_of_keys(), *exposed_files(), *_of_passwords()]


def exposed_files() -> Iterator[UnsafeSetting]:
    """Files with secrets that others can read. In a server process only some: it has the secrets from the main process."""
    for name, path in settings.SECRET_FILES.items():
        if is_exposed(path):
            yield UnsafeSetting(
                name,
                f"Every user of this machine can read or change {path}, which has secrets.",
                f"Run chmod o= {path}. The user that runs usermgmt must own it, or be in its group.",
            )


def _of_connections() -> Iterator[UnsafeSetting]:
    if settings.DEBUG:
        yield UnsafeSetting(
            "DEBUG", "Error pages show parts of the code and of the settings.", "Use script/server, not script/dev."
        )
    if not settings.HTTPS:
        yield UnsafeSetting(
            "HTTPS",
            "Browsers send passwords and session cookies unencrypted, unless they and usermgmt are on one machine.",
            "Serve usermgmt over HTTPS, and remove HTTPS=false.",
        )
    if plain := [host for host in settings.ELASTICSEARCH_HOSTS if host.startswith("http:") and not is_this_machine(host)]:
        yield UnsafeSetting(
            "ELASTICSEARCH_HOSTS",
            f"usermgmt sends the passwords of users unencrypted to {', '.join(plain)}.",
            "Turn on TLS for the HTTP interface of Elasticsearch, and write https://.",
        )
    if not settings.ELASTICSEARCH_VERIFY_HOSTNAME and any(host.startswith("https:") for host in settings.ELASTICSEARCH_HOSTS):
        yield UnsafeSetting(
            "ELASTICSEARCH_VERIFY_HOSTNAME",
            "Any certificate of the CA is accepted, whatever hostname it is for.",
            "Use certificates with the hostnames in ELASTICSEARCH_HOSTS, and remove ELASTICSEARCH_VERIFY_HOSTNAME=false.",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield UnsafeSetting(
            "ALLOWED_HOSTS",
            "usermgmt responds under any hostname, so others can point theirs to it.",
            "List the hostnames under which users open usermgmt.",
        )
    if settings.ALLOWED_HOSTS == THIS_MACHINE and (is_reachable(settings.WEB_BIND) or settings.BEHIND_PROXY):
        yield UnsafeSetting(
            "ALLOWED_HOSTS",
            "It has only this machine, so requests under another hostname are rejected, unless a proxy changes the header Host.",
            "List the hostnames under which users open usermgmt, and let the proxy pass the header Host on.",
        )
    if settings.BEHIND_PROXY and is_reachable(settings.WEB_BIND):
        yield UnsafeSetting(
            "BEHIND_PROXY",
            f"Clients that reach {settings.WEB_BIND} without the proxy can forge their IP address and X-Forwarded-Proto.",
            "Make sure that only the proxy can reach it, or set HOST to 127.0.0.1 or a Unix socket if it is on this machine.",
        )


def _of_keys() -> Iterator[UnsafeSetting]:
    if len(settings.SECRET_KEY) < KEY_LENGTH or len(set(settings.SECRET_KEY)) < 10:
        yield UnsafeSetting(
            "SECRET_KEY",
            "The key is short or has few different characters. Whoever guesses it can decrypt passwords of bulk changes in a "
            "copy of the indices, and, with a stolen cookie, a session.",
            "Move it to SECRET_KEY_FALLBACKS, and set a random key of 64 characters.",
        )
    if settings.SECRET_KEY_FALLBACKS:
        hours = int(settings.SESSION_LIFESPAN.total_seconds() // 3600)
        yield UnsafeSetting(
            "SECRET_KEY_FALLBACKS",
            "Previous keys still open sessions, and decrypt passwords of bulk changes.",
            f"Remove them {hours} hours after SECRET_KEY was changed, and after the passwords of earlier bulk changes were set and "
            "downloaded.",
        )


def _of_passwords() -> Iterator[UnsafeSetting]:
    if settings.THROTTLE_FAILURES > MANY_FAILURES or settings.THROTTLE_FAILURES_IN_ALL > MANY_FAILURES_IN_ALL:
        yield UnsafeSetting(
            "THROTTLE_FAILURES, THROTTLE_FAILURES_IN_ALL",
            "Passwords can be guessed almost without a delay.",
            "Remove the settings to use 5 and 20.",
        )
    if not settings.THROTTLE_ANSWER_SECONDS:
        yield UnsafeSetting(
            "THROTTLE_ANSWER_SECONDS",
            "The response time of a failed sign-in reveals whether the username exists.",
            "Remove the setting to use 1.",
        )
    if settings.PASSWORD_MIN_LENGTH < 8:
        yield UnsafeSetting(
            "PASSWORD_MIN_LENGTH",
            f"Passwords of {settings.PASSWORD_MIN_LENGTH} characters are accepted.",
            "Set it to 8 or more.",
        )
