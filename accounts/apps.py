"""App configuration."""

import sys
from typing import Final

from django.apps import AppConfig

# Elasticsearch stores JSON up to 1,000 levels deep, such as metadata. Python reads each level with a call, and allows 1,000 calls.
RECURSION_LIMIT: Final = 4_000


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401  (importing registers them)

        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
