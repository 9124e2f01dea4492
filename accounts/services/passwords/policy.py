"""What a new password must be, and one that is made. It is taken as typed: what is compared in lower case is a copy.

No rules about kinds of characters and no forced change: they make people choose worse ones (NIST SP 800-63B, 5.1.1.2).
"""

import secrets
import string
from types import SimpleNamespace
from typing import Final

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.services.users import User

# bcrypt, with which Elasticsearch keeps passwords, looks at no more: everything behind would not count.
MAX_BYTES: Final = 72

# What a shell, YAML, an ini file and a URL all take without quotes, and a double click selects as one word; without
# the letters and figures that look alike. 20 of them are 117 bits.
LETTERS: Final = "".join(letter for letter in string.ascii_letters if letter not in "IlO")
CHARACTERS: Final = LETTERS + "23456789_"
GENERATED_LENGTH: Final = 20

LABELS: Final = {"username": "username", "full_name": "full name", "email": "email address"}


@sensitive_variables("password")
def validate(password: str, user: User) -> None:
    """Raise ValidationError, with all that is wrong, unless this may become that user's password (AUTH_PASSWORD_VALIDATORS)."""
    password_validation.validate_password(password, user)  # type: ignore[arg-type]  # any user with these attributes does


def generate() -> str:
    """A random password: a letter first, so that it is nowhere taken for a number or an option."""
    return secrets.choice(LETTERS) + "".join(secrets.choice(CHARACTERS) for _ in range(generated_length() - 1))


def generated_length() -> int:
    """How long a generated password is: 20 characters, as elasticsearch-reset-password has them, or more where the policy asks."""
    return max(GENERATED_LENGTH, settings.PASSWORD_MIN_LENGTH)


class LengthValidator(password_validation.MinimumLengthValidator):
    """Kibana's words. A character is a Unicode code point, as `len` counts them."""

    def get_error_message(self) -> str:
        """Kibana's message."""
        return f"Password must be at least {self.min_length} characters."

    def get_help_text(self) -> str:
        """Said under the field."""
        return f"At least {self.min_length} characters."


class BytesValidator:
    """What Elasticsearch can keep whole: UTF-8 of at most 72 bytes, without NUL."""

    @sensitive_variables("password")
    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for what would be kept in part, or as something else than was typed."""
        if "\0" in password:  # the start of such a password, up to the NUL, would sign in (tried)
            raise ValidationError("Password must not contain a null character.", code="null")
        if "\ufffd" in password or any("\ud800" <= character <= "\udfff" for character in password):
            # What Django, or Python, puts where the bytes that came were not UTF-8.
            raise ValidationError("Password must be valid UTF-8 text.", code="not_text")
        if len(password.encode()) > MAX_BYTES:
            raise ValidationError(
                f"Password can't be longer than {MAX_BYTES} bytes, because Elasticsearch ignores the rest.", code="too_long"
            )

    def get_help_text(self) -> str:
        """Nothing: hardly anybody meets it."""
        return ""


class SimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Django's, for a user that is no model; name and address, and the words in them."""

    def __init__(self) -> None:
        # Django compares which letters there are, not their order: its 0.7 refuses one in some hundred phrases of four words.
        super().__init__(user_attributes=tuple(LABELS), max_similarity=0.8)

    @sensitive_variables("password")
    def validate(self, password: str, user: User | None = None) -> None:  # type: ignore[override]
        """Raise ValidationError for the user's own name or address, or nearly."""
        if user is not None:
            values = {name: getattr(user, name) for name in LABELS}
            super().validate(password, SimpleNamespace(**values, _meta=_Meta))  # type: ignore[arg-type]

    def get_error_message(self) -> str:
        """In the manner of the others."""
        return "Password is too similar to the %(verbose_name)s."


class BlocklistValidator(password_validation.CommonPasswordValidator):
    """A file of more passwords that nobody may have, one a line, whatever the case."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.passwords = {password.lower() for password in self.passwords}

    def get_error_message(self) -> str:
        """Say which list."""
        return "This password is on your organization's blocklist."


class _Meta:
    """The little that Django's validator asks a model about its fields."""

    @staticmethod
    def get_field(name: str) -> SimpleNamespace:
        return SimpleNamespace(verbose_name=LABELS[name])
