"""The app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users of Elasticsearch and what administrators and auditors do with them."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401  (importing registers them)
