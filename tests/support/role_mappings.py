"""Role mappings and their rules, what the rules mean, and whom they reach."""

import fnmatch
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.nodes import TestNode

Rule = dict[str, Any]
SAML: Rule = {"field": {"realm.name": "saml1"}}
ADMINS: Rule = {"field": {"groups": "cn=admins,dc=example,dc=org"}}
EVERYONE: Rule = {"field": {"username": "*"}}


def username(*values: Any) -> Rule:
    return {"field": {"username": list(values) if len(values) > 1 else values[0]}}


def any_of(*rules: Rule) -> Rule:
    return {"any": list(rules)}


def all_of(*rules: Rule) -> Rule:
    return {"all": list(rules)}


def but(rule: Rule) -> Rule:
    return {"except": rule}


# Whom each of them reaches.
REACHES: list[tuple[Rule, str]] = [
    (EVERYONE, "Everyone in all external realms"),
    (username("/.*/"), "Everyone in all external realms"),
    (all_of(), "Everyone in all external realms"),
    ({"field": {"realm.name": "*"}}, "Everyone in all external realms"),
    (any_of(ADMINS, EVERYONE), "Everyone in all external realms"),
    ({"field": {"shoe.size": None}}, "Everyone in all external realms"),
    (all_of(EVERYONE, but(username("ann"))), "Everyone in all external realms, except users that the rule names"),
    (all_of(but(SAML)), "Everyone in external realms other than saml1"),
    (SAML, "Everyone in the realm saml1"),
    ({"field": {"realm.name": ["saml1", "ldap*"]}}, "Everyone in the realms saml1 and ldap*"),
    (any_of(ADMINS, SAML), "Everyone in the realm saml1"),
    (all_of(SAML, EVERYONE), "Everyone in the realm saml1"),
    (all_of(SAML, but({"field": {"dn": "cn=ann"}})), "Everyone in the realm saml1, except users that the rule names"),
    (all_of(SAML, but({"field": {"realm.name": "ldap1"}})), "Everyone in the realm saml1"),
    # Not known: it depends on the users.
    (ADMINS, "Users who match the rule"),
    (all_of(SAML, ADMINS), "Users who match the rule"),
    (all_of(SAML, but(ADMINS)), "Users who match the rule"),
    (username("a*"), "Users who match the rule"),
    ({"field": {"dn": "*"}}, "Users who match the rule"),
    ({"field": {"metadata.x": None}}, "Users who match the rule"),
    (all_of({"field": {"realm.name": "saml*"}}, but({"field": {"realm.name": "saml2"}})), "Users who match the rule"),
    ({"some": []}, "Users who match the rule"),
    # Not everyone.
    (username("z?e"), "Only users that the rule names"),  # a question mark is a wildcard only beside a star
    (username("ann", "bob"), "Only users that the rule names"),
    (all_of(SAML, username("ann")), "Only users that the rule names"),
    (any_of(), "No users"),
    (all_of(SAML, {"field": {"realm.name": "ldap1"}}), "No users"),
    (username(7, None), "No users"),
    ({"field": {"shoe.size": "44"}}, "No users"),
    ({"field": {"realm.name": "default_native"}}, "No users, if the realm default_native has native, built-in, or file users"),
]


def is_true(rule: Rule, user: dict[str, Any]) -> bool:
    """Whether Elasticsearch applies the rule to a user with these fields (UserRoleMapper, ExpressionModel)."""
    match rule:
        case {"all": parts}:
            return all(is_true(part, user) for part in parts)
        case {"any": parts}:
            return any(is_true(part, user) for part in parts)
        case {"except": part}:
            return not is_true(part, user)
    name, value = next(iter(rule["field"].items()))
    values = value if isinstance(value, list) else [value]
    return any(fits(each, has) for each in values for has in (user["groups"] if name == "groups" else [user.get(name)]))


def fits(value: Any, has: Any) -> bool:
    """Whether a value of a rule matches one of a user; without what is special about distinguished names."""
    if isinstance(value, str) and isinstance(has, str):
        if value.startswith("/"):
            return re.fullmatch(value[1:-1], has) is not None
        return fnmatch.fnmatchcase(has, value) if "*" in value else value == has
    return bool(value == has)


def put_mapping(node: TestNode, name: str, roles: list[str], rules: Rule | None = None, **body: Any) -> None:
    """A role mapping of everyone in the realm saml1, unless there are other rules."""
    node.elastic.security.put_role_mapping(name=name, **{"enabled": True, "roles": roles, "rules": rules or SAML, **body})


@contextmanager
def no_mappings_left(node: TestNode) -> Iterator[None]:
    """Delete all role mappings afterwards: they would be found in other tests."""
    try:
        yield
    finally:
        for name in node.elastic.security.get_role_mapping().body:
            node.elastic.security.delete_role_mapping(name=name)
