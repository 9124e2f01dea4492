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
    ],
)
def test_pattern(pattern: str, name: str, expected: bool | None) -> None:
    assert matches(pattern, name) is expected
