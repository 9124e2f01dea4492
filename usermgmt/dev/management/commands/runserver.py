"""Django's runserver, on this machine's own addresses only."""

from typing import Any

from django.core.management import CommandError
from django.core.management.commands import runserver

from usermgmt.dev.middleware import is_loopback


class Command(runserver.Command):
    default_port = "8001"  # the demo serves at 8000
    addr: str

    def run(self, **options: Any) -> None:
        """Serve. Raises CommandError for an address that other machines can reach."""
        if not is_loopback(self.addr):
            raise CommandError(f"The development server shows debug pages, so it runs on 127.0.0.1 only, not on {self.addr}.")
        super().run(**options)
