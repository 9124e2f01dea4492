"""Writes the list of users into a file, as the page does."""

import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from accounts.forms.user_list import user_query
from accounts.management.credentials import credentials
from accounts.services import errors, exports, operators


class Command(BaseCommand):
    """`manage.py export_users`."""

    help = (
        "Writes all users, or those of a filter, into a file with a proof that it is whole (see check_export). Takes somebody who "
        "may see users from ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or asks for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--format`, `--output` and `--filter`."""
        parser.add_argument("--format", choices=exports.FORMATS, default="csv", help="default: %(default)s")
        parser.add_argument(
            "--output", type=Path, required=True, help="the file; one of that name is replaced when the new one is whole"
        )
        parser.add_argument(
            "--filter", default="", help="what follows the question mark in the address of a list, as in 'role=viewer&sort=status'"
        )

    def handle(self, *args: Any, format: str, output: Path, filter: str, **options: Any) -> None:
        """Write it, and say how far it is."""
        query = user_query(QueryDict(filter), 20)
        try:
            person = operators.for_command("export_users", *credentials())
            with _replacing(output) as file:
                rows = self._write(exports.write(person, query, exports.FORMATS[format]), file)
        except errors.CredentialsRefused:
            raise CommandError("Elasticsearch does not accept this user name and password.") from None
        except errors.Refused as exc:
            raise CommandError(f"This user may not see users: {exc}") from None
        except errors.ServiceError as exc:
            raise CommandError(f"Elasticsearch at {', '.join(settings.ELASTICSEARCH_HOSTS)}: {exc}") from None
        except OSError as exc:
            raise CommandError(f"{output} could not be written: {exc.strerror}") from None
        self.stdout.write(f"{output}: {rows} users")

    def _write(self, chunks: Iterator[exports.Chunk], file: BinaryIO) -> int:
        rows = 0
        for rows, total, data in chunks:
            file.write(data)
            if self.stderr.isatty():
                self.stderr.write(f"\r{rows} of {total} users", style_func=str, ending="")
        if self.stderr.isatty():
            self.stderr.write("", style_func=str)
        return rows


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, for its owner only, that takes the path when it is whole; whatever stands there stays until then."""
    with tempfile.NamedTemporaryFile(dir=path.absolute().parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
