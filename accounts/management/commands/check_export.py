"""Verifies that an export is complete and unmodified."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import exports
from accounts.services.exports.completeness import LABELS


class Command(BaseCommand):
    help = "Verifies that an export is complete and unmodified. Works offline."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="an export in CSV, NDJSON, or XLSX format, exactly as it was downloaded")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with file.open("rb") as stream:
                manifest = exports.verify(stream)
        except exports.InvalidExport as exc:
            raise CommandError(f"{file} is not valid. {exc}") from None
        except OSError as exc:
            raise CommandError(f"Couldn't read {file}: {exc.strerror}") from None
        for name, label in LABELS.items():
            if name in manifest:
                self.stdout.write(f"{label}: {manifest[name]}")
        self.stdout.write(f"{file} is complete and unmodified. Compare its SHA-256 with the audit trail.")
