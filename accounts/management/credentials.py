"""Whose credentials a command uses."""

import getpass
import os
import sys

from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables


@sensitive_variables()
def credentials() -> tuple[str, str]:
    """Name and password from ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or the password from a person.

    Raises CommandError where there is neither the variable nor a terminal.
    """
    username = os.environ.get("ELASTICSEARCH_USERNAME", "elastic")
    password = os.environ.get("ELASTICSEARCH_PASSWORD")
    if not password and not sys.stdin.isatty():
        raise CommandError("Set ELASTICSEARCH_PASSWORD, or run this in a terminal to be asked for the password.")
    return username, password or getpass.getpass(f"Password of {username}: ")
