"""The credentials of a command."""

import getpass
import os
import sys
from collections.abc import Callable
from typing import Final

from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables

NO_CREDENTIALS: Final = "Set ELASTICSEARCH_PASSWORD, or run the command in a terminal to be prompted for the password."


@sensitive_variables()
def credentials(ask: Callable[[str], str] | None = None, no_password: str = NO_CREDENTIALS) -> tuple[str, str]:
    """Username and password from ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or from a prompt.

    `ask`: reads the password from a prompt (default: getpass). Raises CommandError, with `no_password` if there is none.
    """
    username = os.environ.get("ELASTICSEARCH_USERNAME", "").strip() or "elastic"
    password = os.environ.get("ELASTICSEARCH_PASSWORD")
    if not password and not sys.stdin.isatty():
        raise CommandError(no_password)
    try:
        password = password or (ask or getpass.getpass)(f"Password for {username}: ")
        f"{username}{password}".encode()  # Python lets other bytes than UTF-8 through as surrogates
    except EOFError:
        raise CommandError("No password was entered.") from None
    except UnicodeError:
        raise CommandError("Username and password must be UTF-8.") from None
    return username, password
