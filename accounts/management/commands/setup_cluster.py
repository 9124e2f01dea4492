"""Creates the objects that usermgmt needs in a cluster, and the settings for `.env`."""

import os
import secrets
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from accounts.management.credentials import credentials
from accounts.management.signals import signals_raise, signals_wait
from accounts.services import audit, errors
from accounts.services.client import AdministratorClient
from accounts.services.cluster import requirements
from accounts.services.cluster import setup as cluster_setup
from usermgmt.env_file import read, require_writable, update


class Command(BaseCommand):
    help = (
        "Creates the roles, index templates, indices, service user, and API key that usermgmt needs. Safe to run again: existing "
        "correct objects are left unchanged. Uses the superuser credentials in ELASTICSEARCH_USERNAME (default: elastic) and "
        "ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--env-file", type=Path, help="write the settings to this file instead of printing them")
        parser.add_argument("--new-key", action="store_true", help="create a new API key even if the current one is valid")

    @signals_raise()  # without it, SIGTERM would end Python before it has written what is printed to a pipe
    def handle(self, *args: Any, env_file: Path | None, new_key: bool, **options: Any) -> None:
        written: dict[str, str] = {}
        if env_file:  # first, because a new API key that can't be written is lost
            try:
                require_writable(env_file)
                written = read(env_file)  # also if the settings come from elsewhere: what it has is kept
            except ImproperlyConfigured as exc:
                raise CommandError(f"{exc} Nothing was changed.") from None
        administrator = AdministratorClient(*credentials())
        try:
            requirements.require_supported(administrator)
            if not cluster_setup.can_read_users(administrator):
                self.stdout.write(f"Waiting up to {cluster_setup.SECONDS_TO_START} seconds until Elasticsearch can read its users")
                cluster_setup.wait_until_users_can_be_read(administrator)
            with signals_wait():  # a new API key is lost if it isn't written
                self._write(self._set_up(administrator, written, new_key=new_key), env_file)
        except errors.AuthenticationFailed:
            raise CommandError("Incorrect username or password.") from None
        except errors.AccessDenied as exc:
            audit.record_access_denied(administrator.actor, "setup_cluster", "", exc.code)
            raise CommandError(f"This user isn't allowed to set up the cluster: {exc}") from None
        except errors.ServiceError as exc:
            where = f"Elasticsearch at {', '.join(settings.ELASTICSEARCH_HOSTS)}"
            what = "The cluster isn't set up the way usermgmt needs. " if exc.problem else ""
            raise CommandError(f"{where}: {what}{exc.explanation}", returncode=os.EX_CONFIG if exc.problem else 1) from None

    def _set_up(self, administrator: AdministratorClient, written: Mapping[str, str], *, new_key: bool) -> dict[str, str]:
        """The new settings."""
        done = {}
        for what, outcome in cluster_setup.set_up(administrator):
            self.stdout.write(f"{what}: {outcome}")
            done[what] = outcome
        lines = {} if os.environ.get("SECRET_KEY") or written.get("SECRET_KEY") else {"SECRET_KEY": secrets.token_urlsafe(48)}
        key = settings.ELASTICSEARCH_API_KEY or written.get("ELASTICSEARCH_API_KEY", "")
        if not new_key and cluster_setup.is_api_key_valid(key):
            self.stdout.write("API key: unchanged")
        else:
            lines["ELASTICSEARCH_API_KEY"] = cluster_setup.create_api_key(administrator)
            self.stdout.write("API key: created")
            done["API key"] = "created"
        audit.record_command(administrator, "setup_cluster", {what: how for what, how in done.items() if how != "unchanged"})
        return lines

    def _write(self, lines: Mapping[str, str], env_file: Path | None) -> None:
        if env_file:
            try:
                update(env_file, lines)
            except ImproperlyConfigured as exc:
                raise CommandError(f"{exc} The new settings are lost. Run the command again to create others.") from None
        elif lines:
            self.stdout.write("\nAdd these lines to .env:\n")
            for name, value in lines.items():
                self.stdout.write(f"{name}={value}")
