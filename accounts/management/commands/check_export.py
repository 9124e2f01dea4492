"""Says whether an export is whole and unchanged."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import exports
from accounts.services.exports.completeness import LABELS


class Command(BaseCommand):
    """`manage.py check_export`."""

    help = (
        "Checks an export of users: that it is whole, that its rows have its SHA-256 and are as many as it says. Asks no cluster."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file."""
        parser.add_argument("file", type=Path, help="an export as CSV, NDJSON or XLSX, as it was downloaded")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Print the completeness block of a whole export, fail for any other."""
        try:
            with file.open("rb") as stream:
                block = exports.read(stream).completeness.as_dict()
        except exports.NotWhole as exc:
            raise CommandError(f"{file} cannot be trusted. {exc}") from None
        except OSError as exc:
            raise CommandError(f"{file} could not be read: {exc.strerror}") from None
        for name, label in LABELS.items():
            self.stdout.write(f"{label}: {block[name]}")
        self.stdout.write(
            f"{file} is whole and unchanged since it was written. The audit trail has its SHA-256, too: compare them."
        )
