"""The words of rules say exactly what the rules say, and nobody is said to be reached, or not reached, who may not be."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from accounts.services.role_mappings import outline, reach
from accounts.services.role_mappings.rules import describe
from tests.support.role_mappings import ADMINS, EVERYONE, REACHES, SAML, Rule, all_of, any_of, but, fits, is_true, username


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (username("jdoe"), 'username is "jdoe"'),
        (username("ann", "bob"), 'username is one of "ann", "bob"'),
        (username("ann", "b*"), 'username is "ann" or username matches "b*"'),
        (username("j?e"), 'username is "j?e"'),  # Elasticsearch reads a question mark as a wildcard only beside a star
        (username("/adm.*/"), 'username matches the regular expression "/adm.*/"'),
        (EVERYONE, "any username"),
        (ADMINS, 'a group is "cn=admins,dc=example,dc=org"'),
        ({"field": {"dn": "*,dc=example"}}, 'distinguished name matches "*,dc=example"'),
        ({"field": {"dn": None}}, "distinguished name is not set"),
        ({"field": {"metadata.level": [7, True, None]}}, "metadata.level is one of 7, true or metadata.level is not set"),
        ({"field": {'metadata.a is "b" or username': "x"}}, r'"metadata.a is \"b\" or username" is "x"'),
        (username("a\u202eb", 'c" or "d'), r'username is one of "a\u202eb", "c\" or \"d"'),
        (all_of(SAML, but(username("ann"))), 'realm is "saml1" and not (username is "ann")'),
        (all_of(any_of(SAML, ADMINS), EVERYONE), '(realm is "saml1" or a group is "cn=admins,dc=example,dc=org") and any username'),
        (any_of(all_of(SAML)), 'realm is "saml1"'),
        (all_of(), "always true"),
        (any_of(), "never true"),
        ({"some": []}, 'unknown rule {"some": []}'),
    ],
)
def test_words(rule: Rule, words: str) -> None:
    assert describe(rule) == words


@pytest.mark.parametrize(("rule", "text"), REACHES)
def test_reach(rule: Rule, text: str) -> None:
    assert str(reach.of(rule)) == text


def test_deep_rules_are_neither_followed_nor_shown_to_the_end() -> None:
    rule = EVERYONE
    for _ in range(400):
        rule = all_of(rule, SAML)
    assert "nested too deeply" in describe(rule)
    assert reach.of(rule).kind == "some"
    page = render_to_string("role_mappings/_outline.html", {"outline": outline(rule)})
    assert "nested too deeply" in page


NAMES = ["ann", "bob", "eve"]
REALMS = ["saml1", "saml2", "ldap1", "default_native"]
TEXTS = ["ann", "a*", "*", "*b", "bob", 'x" or "y', "/b.*/", None, 7]
USERS = [
    {"username": name, "realm.name": realm, "dn": dn, "groups": groups, "metadata.x": value}
    for name, realm, dn, groups, value in itertools.product(
        NAMES, REALMS, [None, "ann", "cn"], [[], ["ann", "cn"]], [None, "ann", 7]
    )
]


fields = st.sampled_from(["username", "dn", "groups", "metadata.x", "shoe.size"]).flatmap(
    lambda name: st.builds(
        lambda value: {"field": {name: value}}, st.sampled_from(TEXTS) | st.lists(st.sampled_from(TEXTS), min_size=1)
    )
)
realms = st.builds(
    lambda value: {"field": {"realm.name": value}},
    st.sampled_from([*REALMS, "saml*", "*1"]) | st.lists(st.sampled_from(REALMS), min_size=1),
)
rules = st.recursive(
    fields | realms,
    lambda inner: (
        st.builds(any_of, inner, inner)
        | st.builds(all_of, inner, inner | st.builds(but, inner))
        | st.builds(all_of, st.builds(but, inner))
    ),
    max_leaves=6,
)


def named_in(rule: Any) -> Iterator[tuple[str, Any]]:
    match rule:
        case {"field": field}:
            for name, value in field.items():
                yield from ((name, each) for each in (value if isinstance(value, list) else [value]))
        case {"except": part}:
            yield from named_in(part)
        case {"all": parts} | {"any": parts}:
            yield from itertools.chain.from_iterable(map(named_in, parts))


@given(rules)
def test_the_reach_is_true_of_every_user(rule: Rule) -> None:
    found = reach.of(rule)
    named = set(named_in(rule))
    for user in USERS:
        is_named = ("username", user["username"]) in named or ("dn", user["dn"]) in named
        external = user["realm.name"] != "default_native"
        in_realms = any(fits(realm, user["realm.name"]) for realm in found.realms)
        reached = {"everyone": True, "realms": in_realms, "others": not in_realms}.get(found.kind, False)
        if external and reached and not (is_named and found.has_exceptions):
            assert is_true(rule, user)
        if (
            found.kind == "nobody"
            or (found.kind == "internal" and external)
            or (found.kind == "named" and external and not is_named)
        ):
            assert not is_true(rule, user)


@given(rules)
def test_the_words_can_be_read_back(rule: Rule) -> None:
    read = Reader(describe(rule)).whole()
    assert [is_true(rule, user) for user in USERS] == [is_true(read, user) for user in USERS]


class Reader:
    """Reads a rule from its words."""

    SUBJECTS = {"username": "username", "distinguished name": "dn", "a group": "groups", "realm": "realm.name"}

    def __init__(self, words: str) -> None:
        self.rest = words

    def takes(self, text: str) -> bool:
        found = self.rest.startswith(text)
        self.rest = self.rest[len(text) :] if found else self.rest
        return found

    def whole(self) -> Rule:
        rule = self.joined()
        assert not self.rest
        return rule

    def joined(self) -> Rule:
        parts = [self.part()]
        word = next((word for word in (" and ", " or ") if self.rest.startswith(word)), "")
        while word and self.takes(word):
            parts.append(self.part())
        return all_of(*parts) if word == " and " else any_of(*parts)

    def part(self) -> Rule:
        if self.takes("not ("):
            return but(self.closed())
        if self.takes("("):
            return self.closed()
        if self.takes("any "):
            return {"field": {self.subject(): "*"}}
        subject = self.subject()
        if self.takes(" is not set"):
            return {"field": {subject: None}}
        assert self.takes(" is ") or self.takes(" matches ")
        values = [self.value()] if not self.takes("one of ") else list(self.values())
        return {"field": {subject: values}}

    def closed(self) -> Rule:
        rule = self.joined()
        assert self.takes(")")
        return rule

    def subject(self) -> str:
        for words, name in self.SUBJECTS.items():
            if self.takes(words):
                return name
        name = self.rest.split(" ", 1)[0]
        assert self.takes(name)
        return name

    def values(self) -> Iterator[Any]:
        yield self.value()
        while self.takes(", "):
            yield self.value()

    def value(self) -> Any:
        self.takes("the regular expression ")
        value, end = json.JSONDecoder().raw_decode(self.rest)
        self.rest = self.rest[end:]
        return value
