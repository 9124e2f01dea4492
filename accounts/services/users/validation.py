"""What usernames and email addresses must look like, with Kibana's messages."""

from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from accounts.services.users.users import API_ROUTES, MAX_USERNAME_LENGTH

# Addresses in any script and of any host, such as `пример@кц.рф` and `admin@10.0.0.1`, which Django's EmailValidator rejects.
_SPECIAL: Final = r'\s\x00-\x1f\x7f-\x9f@,;:<>()\[\]"\\'
_LABEL: Final = rf"[^{_SPECIAL}.]+"
validate_email: Final = RegexValidator(
    rf'^([^{_SPECIAL}]+|"[^"]+")@({_LABEL}(\.{_LABEL})*|\[[\w:.]+\])\Z', "Enter a valid email address.", "invalid"
)


def validate_username(username: str) -> None:
    """Elasticsearch's rules for usernames. Raises ValidationError."""
    if username != username.strip():
        raise ValidationError("Username must not contain leading or trailing spaces.", code="spaces")
    if not all(" " <= letter <= "~" for letter in username):
        raise ValidationError("Username must contain only letters, numbers, spaces, punctuation, and symbols.", code="characters")
    if len(username) > MAX_USERNAME_LENGTH:
        raise ValidationError(f"Username can't be longer than {MAX_USERNAME_LENGTH} characters.", code="too_long")
    if username in API_ROUTES:
        raise ValidationError("This username is reserved by the Elasticsearch API.", code="route")
