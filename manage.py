#!/usr/bin/env python
"""Runs Django's and our own management commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:  # a word to the person is enough
        print(f"Configuration: {exc}", file=sys.stderr)  # noqa: T201
        sys.exit(os.EX_CONFIG)
