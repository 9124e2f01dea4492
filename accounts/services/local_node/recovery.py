"""A temporary superuser of a node on this machine, for users with write access to its config folder.

elasticsearch-reset-password works without credentials in the same way.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import bcrypt

from accounts.services import errors
from accounts.services.client import AdministratorClient
from accounts.services.local_node import file_realm

RELOAD_TIMEOUT_SECONDS: Final = 30.0  # the node checks its files every 5 seconds
ROUNDS: Final = 10  # as in Elasticsearch


class NotReloaded(Exception):
    """The node hasn't loaded the files. The message is for the terminal."""


@contextmanager
def superuser(folder: Path, report: Callable[[str], None]) -> Iterator[tuple[str, str]]:
    """Username and password of a superuser of the node with this config folder; `report` gets each step.

    Raises the errors of `file_realm`, NotReloaded, and Unavailable. At the end, the user is removed from the files and rejected by
    the node.
    """
    password = secrets.token_urlsafe(24)
    administrator = None
    try:
        with file_realm.superuser(folder, _hash(password)) as username:
            report(f"Added temporary user [{username}] to the file realm.")
            administrator = AdministratorClient(username, password)
            _wait_until_loaded(administrator)
            report("The node has loaded the temporary user.")
            yield username, password
    finally:
        if administrator:
            _wait_until_rejected(administrator, report)


def _wait_until_loaded(administrator: AdministratorClient) -> None:
    if not _wait_for(lambda: _is_superuser(administrator)):
        raise NotReloaded("The node at this URL doesn't use this file realm. Check --url and --es-path-conf.")


def _wait_until_rejected(administrator: AdministratorClient, report: Callable[[str], None]) -> None:
    report("Removed the temporary user from the file realm.")
    try:
        if not _wait_for(lambda: _is_rejected(administrator)):
            raise NotReloaded("The node still accepts the temporary user after its removal. Restart the node.")
    except errors.Unavailable:  # a stopped node accepts no user, and reads the files at its next start
        return
    report("The temporary user is no longer active on the node.")


def _wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + RELOAD_TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _is_superuser(administrator: AdministratorClient) -> bool:
    """Whether the node has loaded both files."""
    try:
        return "superuser" in administrator.security.authenticate()["roles"]
    except errors.AuthenticationFailed:
        return False


def _is_rejected(administrator: AdministratorClient) -> bool:
    try:
        administrator.security.authenticate()
    except errors.AuthenticationFailed:
        return True
    return False


def _hash(password: str) -> str:
    """With the prefix `2a`: Elasticsearch doesn't accept the newer `2b`, which means the same."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS, prefix=b"2a")).decode()
