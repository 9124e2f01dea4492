"""What the global search offers, and to whom."""

import pytest
from django.template import Context, Template

from accounts.services.search.ranking import words_of
from accounts.services.signin.operators import Operator
from accounts.views.palette import PAGES, find
from tests.support.operators import ADA, OTTO, operator

NORAH = operator(username="norah")


def titles(who: Operator, typed: str) -> list[str]:
    """What is offered, the best first."""
    return [page.title for _, page in find(who, words_of(typed))]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("password", "Change my password"),
        ("reset", "Change my password"),
        ("new user", "Create user"),
        ("ADD", "Create user"),
        ("crea us", "Create user"),
        ("user", "Users"),
        ("audit", "Audit trail"),
        ("who can", "Who can…?"),
        ("privil", "Roles"),
        ("account", "My account"),
        ("profile", "My account"),
        ("deact", "Deactivated users"),
        ("disabled", "Deactivated users"),
        ("built-in", "Reserved users"),
        ("unknown roles", "Users with nonexistent roles"),
        ("anonymous", "Access"),
        ("service acc", "Service accounts"),
    ],
)
def test_palette_keywords(typed: str, first: str) -> None:
    assert titles(ADA, typed)[0] == first


@pytest.mark.parametrize("typed", ["zzz", "user zzz", "*", "\\", "[a-z]+", "delete user", "sign out"])
def test_what_is_not_offered(typed: str) -> None:
    assert titles(ADA, typed) == []


def test_before_anything_is_typed() -> None:
    readable = ["Users", "Roles", "Who can…?", "Access", "Findings", "Audit trail"]
    assert titles(ADA, "") == [*readable, "Sessions", "My account", "Export users", "Create user", "Change my password"]
    assert titles(OTTO, "") == [*readable, "My account", "Export users", "Change my password"]
    assert titles(NORAH, "") == ["My account", "Change my password"]


@pytest.mark.parametrize("typed", ["user", "role", "new", "audit"])
def test_palette_offers_only_allowed_pages(typed: str) -> None:
    assert "Create user" not in titles(OTTO, typed)
    assert set(titles(NORAH, typed)) <= {"My account", "Change my password"}


def test_other_realm_password_cant_be_changed() -> None:
    assert titles(operator("manage_security", realm_type="file"), "change my password") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_each_has_an_address_and_an_icon(page: object) -> None:
    template = Template("{% load heroicons %}{{ page.url }}{% heroicon_mini page.icon %}")
    html = template.render(Context({"page": page}))
    assert html.startswith("/")
    assert "<svg" in html or "<i class=" in html
