"""Whatever is typed or made: set through the page, signed in with, changed by its owner; byte for byte."""

import unicodedata
from collections.abc import Callable

from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import passwords
from accounts.services.client import PersonClient
from accounts.services.passwords import policy as password_policy
from tests.support.nodes import TestNode

PIECES = st.sampled_from(
    [" ", "\t", "é", "e\u0301", "ﬁ", "ß", "İ", "ı", "\u00a0", "\u200b", "\u2028", "👩‍🚀", "🔑", "Ж", "\x7f", "\\", '"', "%00", "+"]
)
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd")


def acceptable(password: str) -> bool:
    return len(password) >= 8 and len(password.encode()) <= 72


def full(password: str) -> str:
    """Filled up to 72 bytes exactly, where bcrypt ends."""
    return password + "x" * (72 - len(password.encode()))


TYPED = st.lists(st.one_of(PIECES, LETTERS), min_size=8, max_size=24).map("".join).filter(acceptable)
MADE = st.builds(password_policy.generate)
ANY = st.one_of(TYPED, TYPED.map(full), TYPED.map(lambda password: f" {password[1:-1]} "), MADE).filter(acceptable)


def near_misses(password: str) -> set[str]:
    """What it would have become if somebody had tidied it up, where bcrypt could see the difference."""
    tidied = {password.strip(), password.lower(), *(unicodedata.normalize(form, password) for form in ("NFC", "NFKD"))}
    return {other for other in tidied if other.encode()[:72] != password.encode()}


# Each example signs in and changes passwords over HTTP: few examples, other ones in each run.
FEW = settings(max_examples=4, suppress_health_check=list(HealthCheck), database=None)


@FEW
@given(first=ANY, second=ANY)
def test_set_sign_in_change(node: TestNode, signed_in: Callable[..., Client], first: str, second: str) -> None:
    node.put_user("jdoe")
    passwords.change(PersonClient("elastic", node.elastic_password), "jdoe", first)
    assert not [other for other in near_misses(first) if node.signs_in("jdoe", other)]
    jdoe = signed_in("jdoe", first)

    data = {"current_password": first, "password": second, "confirm_password": second}
    response = jdoe.post("/account/change-password", data)

    assert response.status_code == 302, response.content.decode()
    assert node.signs_in("jdoe", second)
    assert jdoe.get("/account/").status_code == 200, "the session goes on with it"
