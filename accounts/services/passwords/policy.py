"""The rules for new passwords, and a generator. A password is used exactly as it is entered.

There are no rules about kinds of characters and no forced changes: both lead to worse passwords (NIST SP 800-63B, 5.1.1.2).
"""

import gzip
import secrets
import string
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Final

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.services.users import User

# The maximum of bcrypt, with which Elasticsearch hashes passwords: it ignores everything after that.
MAX_BYTES: Final = 72

# Characters that need no quotes in a shell, YAML, an INI file, or a URL, and that a double click selects as one word, without
# letters and digits that look alike. 20 of them have 117 bits.
LETTERS: Final = "".join(letter for letter in string.ascii_letters if letter not in "IlO")
CHARACTERS: Final = LETTERS + "23456789_"
GENERATED_LENGTH: Final = 20

# In the audit trail, of a change that sets a hash instead of a password.
HASH_DETAIL: Final = "set by a hash, which the password policy can't check"

GZIP: Final = b"\x1f\x8b"  # what a packed file begins with

LABELS: Final = {"username": "username", "full_name": "full name", "email": "email address"}


@sensitive_variables("password")
def validate(password: str, user: User) -> None:
    """Raise ValidationError, with all problems, unless the password is valid for the user (AUTH_PASSWORD_VALIDATORS)."""
    password_validation.validate_password(password, user)  # type: ignore[arg-type]  # any object with these attributes works


def help_text() -> str:
    """The rules, a sentence each."""
    return " ".join(password_validation.password_validators_help_texts())


def generate() -> str:
    """A random password. It starts with a letter, so that it can't be mistaken for a number or an option."""
    return secrets.choice(LETTERS) + "".join(secrets.choice(CHARACTERS) for _ in range(generated_length() - 1))


def generated_length() -> int:
    """The length of a generated password: 20 characters, as in elasticsearch-reset-password, or more if the policy requires it."""
    return max(GENERATED_LENGTH, settings.PASSWORD_MIN_LENGTH)


class LengthValidator(password_validation.MinimumLengthValidator):
    """Django's validator with Kibana's messages. Characters are Unicode code points."""

    def get_error_message(self) -> str:
        return f"Password must be at least {self.min_length} characters."

    def get_help_text(self) -> str:
        return f"At least {self.min_length} characters."


class BytesValidator:
    """Accepts what Elasticsearch stores completely: at most 72 bytes of UTF-8 without NUL."""

    @sensitive_variables("password")
    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for a password that Elasticsearch would truncate or that isn't what was entered."""
        if "\0" in password:  # tested: the part before the NUL is enough to sign in
            raise ValidationError("Password must not contain a null character.", code="null")
        if "\ufffd" in password or any("\ud800" <= character <= "\udfff" for character in password):
            # Django and Python replace invalid UTF-8 with these characters.
            raise ValidationError("Password must be valid UTF-8 text.", code="not_text")
        if len(password.encode()) > MAX_BYTES:
            raise ValidationError(
                f"Password can't be longer than {MAX_BYTES} bytes, because Elasticsearch ignores the rest.", code="too_long"
            )

    def get_help_text(self) -> str:
        return f"At most {MAX_BYTES} bytes: accented letters count as 2, emoji as 4."


class SimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Django's validator for a user that isn't a model: compares with the fields in LABELS and the words in them."""

    def __init__(self) -> None:
        # Django ignores the order of the letters: its default of 0.7 rejects some good passphrases of four words.
        super().__init__(user_attributes=tuple(LABELS), max_similarity=0.8)

    @sensitive_variables("password")
    def validate(self, password: str, user: User | None = None) -> None:  # type: ignore[override]
        if user is not None:
            values = {name: getattr(user, name) for name in LABELS}
            super().validate(password, SimpleNamespace(**values, _meta=_Meta))  # type: ignore[arg-type]

    def get_error_message(self) -> str:
        return "Password is too similar to the %(verbose_name)s."

    def get_help_text(self) -> str:
        return "Not similar to the username, full name, or email address."


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Django's validator, with a help text in the words of the others."""

    def get_help_text(self) -> str:
        return "Not a common password."


class BlocklistValidator(password_validation.CommonPasswordValidator):
    """Rejects the passwords in a file, one per line, regardless of case; the file may be gzipped.

    What isn't UTF-8 in it, as in most published lists, can't be a password. Raises ImproperlyConfigured.
    """

    def __init__(self, path: str) -> None:
        self.passwords = {line.strip().lower() for line in _lines(path)}

    def get_error_message(self) -> str:
        return "This password is on your organization's blocklist."

    def get_help_text(self) -> str:
        return "Not on your organization's blocklist."


def require_readable_blocklist(path: str) -> None:
    """Raise ImproperlyConfigured unless the file can be read to its end. Keeps nothing of it."""
    for _ in _lines(path):
        pass


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            is_packed = file.read(len(GZIP)) == GZIP
        with (gzip.open if is_packed else open)(path, "rt", encoding="utf-8", errors="replace") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as exc:
        raise ImproperlyConfigured(f"PASSWORD_BLOCKLIST: the file {path} can't be read: {exc}.") from None


class _Meta:
    """The part of a model's `_meta` that Django's validator uses."""

    @staticmethod
    def get_field(name: str) -> SimpleNamespace:
        return SimpleNamespace(verbose_name=LABELS[name])
