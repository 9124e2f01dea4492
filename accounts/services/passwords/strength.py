"""The strength of a password: a hint during input, estimated in this process by zxcvbn."""

from dataclasses import dataclass
from typing import Final

from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables
from zxcvbn import zxcvbn

from accounts.services.passwords import policy as password_policy
from accounts.services.users import User

WORDS: Final = ("Very weak", "Weak", "Fair", "Strong", "Very strong")
# zxcvbn can take seconds for 72 malicious characters, but at most a tenth of a second for this many.
MAX_ANALYZED: Final = 20


@dataclass(frozen=True, slots=True)
class Strength:
    """From 1 to 5, its label, and the problem, or ""."""

    value: int
    words: str
    problem: str


@sensitive_variables("password")
def estimate(password: str, user: User) -> Strength:
    """The strength of a password; weak if the policy rejects it."""
    # Not `user_inputs`: zxcvbn stores them in a global variable that other threads would use.
    result = zxcvbn(password[:MAX_ANALYZED])
    problem = _problem(password, user)
    score = min(result["score"], 1) if problem else result["score"]
    return Strength(score + 1, WORDS[score], problem or result["feedback"]["warning"])


@sensitive_variables("password")
def _problem(password: str, user: User) -> str:
    try:
        password_policy.validate(password, user)
    except ValidationError as exc:
        return exc.messages[0]
    return ""
