"""How hard a password is to guess: a hint while one types, worked out in this process by zxcvbn."""

from dataclasses import dataclass
from typing import Final

from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables
from zxcvbn import zxcvbn

from accounts.services.passwords import policy as password_policy
from accounts.services.users import User

WORDS: Final = ("Very weak", "Weak", "Fair", "Strong", "Very strong")
# zxcvbn takes seconds for 72 characters that are made to keep it busy, and a tenth of one for these.
MAX_ANALYZED: Final = 20


@dataclass(frozen=True, slots=True)
class Strength:
    """From 1 to 5, in words, and what is the matter ("" for nothing)."""

    value: int
    words: str
    problem: str


@sensitive_variables("password")
def estimate(password: str, user: User) -> Strength:
    """The strength of a password; one that the policy refuses is weak, whatever it looks like."""
    # Not `user_inputs`: zxcvbn keeps them in a global, where another thread's request would use them.
    guess = zxcvbn(password[:MAX_ANALYZED])
    problem = _refusal(password, user)
    score = min(guess["score"], 1) if problem else guess["score"]
    return Strength(score + 1, WORDS[score], problem or guess["feedback"]["warning"])


@sensitive_variables("password")
def _refusal(password: str, user: User) -> str:
    try:
        password_policy.validate(password, user)
    except ValidationError as exc:
        return exc.messages[0]
    return ""
