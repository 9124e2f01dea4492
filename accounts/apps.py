"""App configuration."""

import sys
from typing import Final

from django import db
from django.apps import AppConfig
from django.core.signals import request_finished, request_started

# Elasticsearch stores JSON up to 1,000 levels deep, such as metadata. Python reads each level with a call, and allows 1,000 calls.
RECURSION_LIMIT: Final = 4_000


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401  (importing registers them)

        # There is no database. To look for its connections would take a tenth of the time of a short response.
        request_started.disconnect(db.reset_queries)
        for signal in (request_started, request_finished):
            signal.disconnect(db.close_old_connections)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
