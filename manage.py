#!/usr/bin/env python
"""Runs Django's and our own management commands."""

import os
import sys

from django.core.management import execute_from_command_line

from usermgmt.cli import ending_in_words

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usermgmt.settings")
    with ending_in_words():
        execute_from_command_line(sys.argv)
