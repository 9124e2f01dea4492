"""Why a change of a user was not made, on the form that asked for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django import forms

from accounts import policy
from accounts.services.errors import AdministratorsLocked, Invalid, LastAdministrator, Refused, UserLocked

BUSY: Final = (
    "Another change of this user is being saved, or its outcome is unknown. Try again in a moment, at the latest after 2 minutes."
)
ADMINISTRATORS_BUSY: Final = "Someone else is changing another administrator. Try again in a moment."


@contextmanager
def rejections_on(form: forms.Form, roles_field: str | None = None) -> Iterator[None]:
    """Turn errors of the change into errors of the form. `roles_field`: which field is about administrators; None: the form."""
    try:
        yield
    except UserLocked:
        form.add_error(None, BUSY)
    except AdministratorsLocked:
        form.add_error(roles_field, ADMINISTRATORS_BUSY)
    except LastAdministrator:
        form.add_error(roles_field, policy.LAST_ADMINISTRATOR)
    except Refused as exc:
        form.add_error(None, str(exc))
    except Invalid as exc:
        form.add_error(None, f"Elasticsearch rejected the user: {exc}")
