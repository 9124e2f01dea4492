"""Exports the user list to a file, as the page does."""

import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict
from django.template.defaultfilters import pluralize

from accounts.forms.user_list import UserListForm
from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.management.signals import signals_raise
from accounts.services import exports
from accounts.services.client import PersonClient
from accounts.services.signin import operators


class Command(BaseCommand):
    help = (
        "Exports all or filtered users to a file with a completeness manifest (see check_export). Uses the credentials of a user "
        "with read_security in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []
    command, noun = "export_users", "user"
    filter_help = "query string of the user list, for example 'role=viewer&sort=status'; default: all users"

    def chunks(self, client: PersonClient, filter: str, format: exports.Format) -> Generator[exports.Chunk, None, None]:
        """The file."""
        return exports.write(client, UserListForm(QueryDict(filter)).query(), format)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=exports.FORMATS, default="csv", help="default: %(default)s")
        parser.add_argument(
            "--output",
            type=Path,
            required=True,
            help="output file; an existing file is replaced only when the export is complete",
        )
        parser.add_argument("--filter", default="", help=self.filter_help)

    def handle(self, *args: Any, format: str, output: Path, filter: str, **options: Any) -> None:
        try:
            with as_command_errors(f"view {self.noun}s"):
                client = operators.client_for_command(self.command, *credentials())
                with (
                    signals_raise(),
                    _replacing(output) as file,
                    closing(self.chunks(client, filter, exports.FORMATS[format])) as chunks,
                ):
                    rows = self._write(chunks, file)
        except OSError as exc:
            raise CommandError(f"Couldn't write {output}: {exc.strerror}") from None
        self.stdout.write(f"{output}: {rows} {self.noun}{pluralize(rows)}")

    def _write(self, chunks: Iterator[exports.Chunk], file: BinaryIO) -> int:
        rows = 0
        for rows, total, data in chunks:
            file.write(data)
            if self.stderr.isatty():
                self.stderr.write(f"\r{rows} of {total} {self.noun}{pluralize(total)} exported", style_func=str, ending="")
        if self.stderr.isatty():
            self.stderr.write("", style_func=str)
        return rows


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, readable by its owner only, that replaces `path` if the block succeeds and is deleted otherwise."""
    with tempfile.NamedTemporaryFile(dir=path.absolute().parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
