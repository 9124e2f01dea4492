"""Patterns of Elasticsearch; tests/integration/test_escalation.py compares them with a node."""

import pytest

from accounts.services.roles.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("elastic", "elastic", True),
        ("ELASTIC", "elastic", False),
        ("elas*", "elastic", True),
        ("ela?tic", "elastic", True),
        ("ela?tic", "elatic", False),
        (r"e\lastic", "elastic", True),
        (r"a\*", "ab", False),
        (r"a\*", "a*", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
        ("*", "", True),
        ("/ela.*/", "elastic", True),
        ("/ela/", "elastic", False),
        ("/e[a-m]astic/", "elastic", True),
        ("/e[^l]astic/", "elastic", False),
        ("/^a$/", "^a$", True),
        ("/a|b/", "b", True),
        ("/~a/", "b", None),
        ("/a<1-3>/", "a2", None),
        ("/a*+/", "a", None),
        ("/(/", "(", None),
        ("/", "/", True),
        ("a*b*c", "a1b2b3c", True),
        ("*ab*ab", "ababab", True),
        ("*ab*ab", "aab", False),
        ("*b?*d", "abcd", True),
        ("*b?*d", "abd", False),
        ("**a**", "bab", True),
        (r"*\**", "a*b", True),
        (r"*\**", "ab", False),
        # Each of these would take hours if every way to match were tried.
        ("*" * 16 + "x", "a" * 40, False),
        ("*a" * 20 + "x", "a" * 40, False),
        ("/(.|.|.)*x/", "a" * 40, None),
        ("/" + "(a|aa)" * 30 + "x/", "a" * 40, None),
        ("/" + ".*a" * 12 + "x/", "a" * 40, None),
        ("/a{99999999999}/", "a", None),
        ("/" + "a" * 201 + "/", "a" * 201, None),
        ("/(a|b).*c.*/", "bxcx", True),
        # Harmless, but not told apart from those.
        (r"/a\)*/", "a))", None),
        ("/[(]a[(]/", "(a(", None),
    ],
)
def test_pattern(pattern: str, name: str, expected: bool | None) -> None:
    assert matches(pattern, name) is expected
