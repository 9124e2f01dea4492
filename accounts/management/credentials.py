"""The credentials of a command."""

import getpass
import os
import sys
from collections.abc import Callable

from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables


class NoCredentials(CommandError):
    """ELASTICSEARCH_PASSWORD isn't set, and nobody enters the password."""


@sensitive_variables()
def credentials(ask: Callable[[str], str] | None = None) -> tuple[str, str]:
    """Username and password from ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or from a prompt.

    `ask`: reads the password from a prompt (default: getpass). Raises NoCredentials.
    """
    username = os.environ.get("ELASTICSEARCH_USERNAME", "").strip() or "elastic"
    password = os.environ.get("ELASTICSEARCH_PASSWORD")
    if not password and not sys.stdin.isatty():
        raise NoCredentials("Set ELASTICSEARCH_PASSWORD, or run the command in a terminal to be prompted for the password.")
    try:
        return username, password or (ask or getpass.getpass)(f"Password for {username}: ")
    except EOFError:
        raise NoCredentials("No password was entered.") from None
