"""What a command says if Elasticsearch or usermgmt doesn't let it go on."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError

from accounts.services import errors


@contextmanager
def as_command_errors(task: str) -> Iterator[None]:
    """Turn service errors into CommandError. `task`: what a user without the privilege isn't allowed to do."""
    try:
        yield
    except errors.AuthenticationFailed:
        raise CommandError("Incorrect username or password.") from None
    except errors.AccessDenied as exc:
        raise CommandError(f"This user isn't allowed to {task}: {exc}") from None
    except errors.Refused as exc:
        raise CommandError(str(exc)) from None
    except errors.ServiceError as exc:
        raise CommandError(f"Elasticsearch at {', '.join(settings.ELASTICSEARCH_HOSTS)}: {exc.explanation}") from None
