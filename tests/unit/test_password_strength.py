"""The hint while one types."""

import pytest

from accounts.services.passwords import strength as password_strength
from accounts.services.users import User

JANE = User("jane-the-third", "Jane Mary Roe", "jane@example.org")


@pytest.mark.parametrize(
    ("password", "words", "problem"),
    [
        ("p", "Very weak", "Password must be at least 8 characters."),
        ("password", "Very weak", "This password is too common."),
        ("jane-the-third", "Weak", "Password is too similar to the username."),
        ("aaaaaaaaaaaa", "Very weak", 'Repeats like "aaa" are easy to guess.'),
        ("orange tractor feels lonely", "Very strong", ""),
        ("q7zx%wv" * 11, "Weak", "Password can't be longer than 72 bytes, because Elasticsearch ignores the rest."),
    ],
)
def test_words_and_what_is_the_matter(password: str, words: str, problem: str) -> None:
    strength = password_strength.estimate(password, JANE)
    assert (strength.words, strength.problem) == (words, problem)


def test_strength_of_a_long_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """zxcvbn refuses more than 72 characters, and takes long for fewer."""
    seen: list[str] = []

    def looked_at(password: str) -> dict[str, object]:
        seen.append(password)
        return {"score": 4, "feedback": {"warning": ""}}

    monkeypatch.setattr(password_strength, "zxcvbn", looked_at)
    password_strength.estimate("x" * 1000, JANE)
    assert seen == ["x" * password_strength.MAX_ANALYZED]
