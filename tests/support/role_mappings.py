"""Role mappings for tests, which apply to nobody on nodes without external realms."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.nodes import TestNode

SAML: dict[str, Any] = {"field": {"realm.name": "saml1"}}
ADMINS: dict[str, Any] = {"field": {"groups": "cn=admins,dc=example,dc=org"}}
EVERYONE: dict[str, Any] = {"field": {"username": "*"}}


def put_mapping(node: TestNode, name: str, roles: list[str], rules: dict[str, Any] | None = None, **body: Any) -> None:
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
