"""Passwords of bulk changes and imports: encrypted, and bound to their user."""

from collections.abc import Mapping

from django.views.decorators.debug import sensitive_variables

from accounts.services.documents import encryption


@sensitive_variables()
def seal(job: str, username: str, secrets: Mapping[str, str]) -> str:
    """The secrets of a line, encrypted; "" for none."""
    return encryption.encrypt(_purpose(job), username, secrets) if secrets else ""


@sensitive_variables()
def unseal(job: str, username: str, sealed: str) -> dict[str, str] | None:
    """What was sealed, or None when neither SECRET_KEY nor a fallback decrypts it."""
    secrets: dict[str, str] | None = encryption.decrypt(_purpose(job), username, sealed) if sealed else {}
    return secrets


def _purpose(job: str) -> str:
    return f"usermgmt import {job}"
