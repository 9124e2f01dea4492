"""App configuration."""

import sys
from typing import Final

from django.apps import AppConfig

# Elasticsearch stores JSON of up to 1,000 levels, such as metadata. Each level is a call, of which Python allows 1,000 by itself.
CALLS: Final = 4_000


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401  (importing registers them)

        sys.setrecursionlimit(max(sys.getrecursionlimit(), CALLS))
