"""The credentials of `reset_password`: given ones, or a temporary superuser on the host of a node."""

import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from django.conf import settings
from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables

from accounts.management.credentials import credentials as given_credentials
from accounts.management.terminal import Failure, Terminal
from accounts.services import errors
from accounts.services.client import AdministratorClient
from accounts.services.cluster import health
from accounts.services.local_node import certificates, file_realm, recovery
from accounts.services.local_node import settings as node_settings
from accounts.services.request_context import Actor

NO_CREDENTIALS: Final = (
    "Set ELASTICSEARCH_PASSWORD (and ELASTICSEARCH_USERNAME, default: elastic), run the command in a terminal to be prompted, or "
    "use --es-path-conf [DIR] on the host of a node."
)
RED: Final = "Failed to determine the health of the cluster. Cluster health is currently RED."
RED_MEANS: Final = f"""\
{RED}
This means that some cluster data is unavailable and your cluster is not fully functional.
It is recommended that you resolve the issues with your cluster before continuing
It is very likely that the command will fail when run against an unhealthy cluster.

If you still want to attempt to execute this command against an unhealthy cluster, you can pass the `-f` parameter."""


def config_folder(given: Path | None, *, is_asked_for: bool) -> Path | None:
    """The config directory of the local node: as given, or in ES_PATH_CONF if it is asked for or there are no credentials.

    None without both. Raises Failure.
    """
    in_environment = os.environ.get("ES_PATH_CONF")
    if is_asked_for and not in_environment:
        raise Failure(os.EX_CONFIG, "Set ES_PATH_CONF, or use --es-path-conf DIR.")
    if in_environment and (is_asked_for or not (given or os.environ.get("ELASTICSEARCH_PASSWORD"))):
        return Path(in_environment)
    return given


@contextmanager
def aimed_at_node(folder: Path, overrides: Mapping[str, str], url: str | None, terminal: Terminal) -> Iterator[None]:
    """Send all requests to this node, because only it reads the files of its file realm. Raises Failure."""
    with _as_failures():
        node = node_settings.read(folder, overrides, os.environ)
        if not node_settings.has_file_realm(node):
            raise Failure(os.EX_CONFIG, "File realm must be enabled")
        url = url or node_settings.url(node)
        file_realm.clean_up(folder)
        trusted = certificates.recognized(url, settings.ELASTICSEARCH_REQUEST_TIMEOUT, folder, node)
        if trusted:
            settings.ELASTICSEARCH_VERIFY_HOSTNAME = False
        elif not (settings.ELASTICSEARCH_CA_CERTS or settings.ELASTICSEARCH_CA_FINGERPRINT):
            trusted = certificates.trusted(folder, node, terminal.explain)
    settings.ELASTICSEARCH_HOSTS = [url]
    # Both HTTP clients read CA certificates from a file.
    with NamedTemporaryFile("w", prefix="usermgmt_reset_", suffix=".pem") as file:
        if trusted:
            file.write(trusted)
            file.flush()
            settings.ELASTICSEARCH_CA_CERTS, settings.ELASTICSEARCH_CA_FINGERPRINT = file.name, ""
        yield


@contextmanager
def superuser(folder: Path, terminal: Terminal) -> Iterator[tuple[str, str]]:
    """Username and password of a superuser that is deleted at the end. Raises Failure."""
    with _as_failures(), recovery.superuser(folder, terminal.explain) as caller:
        yield caller


def local_actor(command: str) -> Actor:
    """The operating system user as the actor, because the name of the temporary superuser has no meaning."""
    name = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    return Actor(name, realm=socket.gethostname(), realm_type="operating system", command=command)


@sensitive_variables()
def credentials(terminal: Terminal) -> tuple[str, str]:
    """Username and password from the environment, or the password from a prompt. Raises Failure if neither is available."""
    try:
        return given_credentials(terminal.secret, NO_CREDENTIALS)
    except CommandError as exc:
        raise Failure(os.EX_CONFIG, str(exc)) from None


def check_health(caller: tuple[str, str], terminal: Terminal, *, force: bool) -> None:
    """Raise Failure if the cluster is unavailable, rejects the credentials, or is red (unless forced)."""
    try:
        status = health.status(AdministratorClient(*caller))
    except errors.AuthenticationFailed:
        raise _unknown_health(f"Elasticsearch rejected the credentials of [{caller[0]}].") from None
    except errors.AccessDenied as exc:
        raise _unknown_health(f"[{caller[0]}] isn't allowed to check it: {exc}") from None
    except (errors.Unavailable, errors.NotSetUp) as exc:
        raise _unreachable(exc) from None
    terminal.explain(f"Cluster health is currently {status.upper()}.")
    if status == "red" and not force:
        terminal.warn(RED_MEANS)
        raise Failure(os.EX_UNAVAILABLE, RED)


@contextmanager
def _as_failures() -> Iterator[None]:
    """Turn service errors into Failure with an exit code."""
    try:
        yield
    except file_realm.FileRealmBusy as exc:
        raise Failure(os.EX_TEMPFAIL, str(exc)) from None
    except (file_realm.FileRealmError, node_settings.NodeSettingsError) as exc:
        raise Failure(os.EX_CONFIG, str(exc)) from None
    except recovery.NotReloaded as exc:
        raise Failure(os.EX_DATAERR, str(exc)) from None
    except (errors.Unavailable, errors.NotSetUp) as exc:
        raise _unreachable(exc) from None


def _unreachable(why: errors.Unavailable | errors.NotSetUp) -> Failure:
    where = ", ".join(settings.ELASTICSEARCH_HOSTS)
    if isinstance(why, errors.NotSetUp):
        return Failure(os.EX_CONFIG, f"Failed to determine the health of the cluster at {where}. {why.explanation}")
    message = f"Failed to determine the health of the cluster. Elasticsearch at {where} isn't responding: {why.explanation}"
    return Failure(os.EX_UNAVAILABLE, message)


def _unknown_health(why: str) -> Failure:
    return Failure(os.EX_DATAERR, f"Failed to determine the health of the cluster. {why}")
