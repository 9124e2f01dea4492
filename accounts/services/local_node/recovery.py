"""A superuser for as long as a `with` lasts, on the node's own machine, for whoever may write the node's config folder.

That is how elasticsearch-reset-password gets along without credentials.
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

SECONDS_TO_NOTICE: Final = 30.0  # the node looks at its files every 5
ROUNDS: Final = 10  # Elasticsearch's own


class NotNoticed(Exception):
    """The node does not know what stands in the files; the message says so to the person at the terminal."""


@contextmanager
def superuser(folder: Path, report: Callable[[str], None]) -> Iterator[tuple[str, str]]:
    """Name and password of a superuser of the node whose config folder it is; `report` hears each step.

    Raises file_realm's errors, NotNoticed, and Unavailable. The user is gone, from the files and for the node, before this ends.
    """
    password = secrets.token_urlsafe(24)
    administrator = None
    try:
        with file_realm.superuser(folder, _hash(password)) as username:
            report(f"Added temporary user [{username}] to the file realm.")
            administrator = AdministratorClient(username, password)
            _wait_until_known(administrator)
            report("The node has loaded the temporary user.")
            yield username, password
    finally:
        if administrator:
            _wait_until_gone(administrator, report)


def _wait_until_known(administrator: AdministratorClient) -> None:
    if not _in_time(lambda: _is_superuser(administrator)):
        raise NotNoticed("The node at this URL doesn't use this file realm. Check --url and --es-path-conf.")


def _wait_until_gone(administrator: AdministratorClient, report: Callable[[str], None]) -> None:
    report("Removed the temporary user from the file realm.")
    try:
        if not _in_time(lambda: _is_refused(administrator)):
            raise NotNoticed("The node still accepts the temporary user after its removal. Restart the node.")
    except errors.Unavailable:  # who is not there lets nobody in, and reads the files anew when it comes back
        return
    report("The temporary user is no longer active on the node.")


def _in_time(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS_TO_NOTICE
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _is_superuser(administrator: AdministratorClient) -> bool:
    """Whether the node has read both files; it may be between them."""
    try:
        return "superuser" in administrator.security.authenticate()["roles"]
    except errors.AuthenticationFailed:
        return False


def _is_refused(administrator: AdministratorClient) -> bool:
    try:
        administrator.security.authenticate()
    except errors.AuthenticationFailed:
        return True
    return False


def _hash(password: str) -> str:
    """As the node expects it: its bcrypt knows 2a, not the newer 2b, which means the same."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS, prefix=b"2a")).decode()
