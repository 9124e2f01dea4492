"""Roles that the license no longer allows. One test, because a node accepts a trial only once."""

import secrets
from collections.abc import Callable

from django.test import Client
from elasticsearch import AuthorizationException, Elasticsearch

from accounts.services import roles
from accounts.services.client import PersonClient
from accounts.services.users import privilege_holders
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text

PART = {"names": ["secrets"], "privileges": ["read"], "field_security": {"grant": ["a*"]}, "query": {"term": {"a": 1}}}
PLAIN = {"names": ["plain"], "privileges": ["read"]}


def can_monitor(client: Elasticsearch) -> bool:
    """Tried, because `_has_privileges` answers from the roles."""
    try:
        return bool(client.cluster.state(metric="version"))
    except AuthorizationException:
        return False


def test_a_role_grants_users_nothing_and_a_key_keeps_the_rest(
    node: TestNode, person: Callable[[str], PersonClient], signed_in: Callable[..., Client]
) -> None:
    otto, browser = person("otto"), signed_in("otto")
    kay = f"kay-{secrets.token_hex(4)}"  # keys outlive their owner
    owner = node.elastic.options(basic_auth=basic(kay, PASSWORD))
    node.elastic.license.post_start_trial(acknowledge=True)
    try:
        node.elastic.security.put_role(name="some_fields", cluster=["manage_security", "monitor"], indices=[PART, PLAIN])
        details = roles.get(otto, "some_fields")
        assert (details.is_enabled, details.role.grants_user_management) == (True, True)
        assert "Granted fields: a*" in str(details.grants)
        assert "Granted documents query:" in str(details.grants)
        node.put_user(kay, roles=["some_fields"])
        made = owner.security.create_api_key(name="of kay", refresh=True)
        assert "The key can do nothing that its owner can't do today." in text(browser, f"/api-keys/view/{made['id']}")
    finally:
        node.elastic.license.post_start_basic(acknowledge=True)

    assert not owner.security.has_privileges(cluster=["manage_security"])["has_all_requested"]
    details = roles.get(otto, "some_fields")
    assert (details.is_enabled, details.role.grants_user_management) == (False, False)
    holders = privilege_holders.with_privilege(otto, roles.all_roles(otto), "manage_security").page.holders
    assert kay not in [holder.user.username for holder in holders]

    with Elasticsearch(node.url, api_key=made["encoded"]) as key:
        assert can_monitor(key)
        assert not can_monitor(owner)
        page = text(browser, f"/api-keys/view/{made['id']}")
        more = page[page.index("The key can do more than its owner") : page.index("Own privileges")]
        assert 'The license doesn\'t allow the role anymore: <a href="/roles/view/some_fields">some_fields</a>' in more
        assert "plain" in more
        assert "secrets" not in more, "the license blocks that of the key, too"
        node.elastic.security.disable_user(username=kay)
        assert can_monitor(key), "the page of a key with a deactivated owner says so"
