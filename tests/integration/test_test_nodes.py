"""What a test leaves on a node doesn't reach the next one, in whatever order they run."""

from pytest_django import Settings

from accounts.services.cluster import own_roles
from tests.support.cast import CAST
from tests.support.nodes import Nodes, TestNode

ACTIVE = {"term": {"invalidated": False}}


def test_nothing_is_left_for_the_next_test(node: TestNode, nodes: Nodes, settings: Settings) -> None:
    security = node.elastic.security
    before = set(security.get_role()), {key["id"] for key in security.query_api_keys(query=ACTIVE)["api_keys"]}
    security.put_user(username="a/b c", password="canary-password", roles=["superuser"])
    security.put_role(name="left behind", cluster=["all"])
    security.put_role_mapping(name="left behind", enabled=True, roles=["superuser"], rules={"field": {"username": "*"}})
    security.create_api_key(name="left behind")
    security.create_service_token(namespace="elastic", service="fleet-server")
    security.create_service_token(namespace="elastic", service="kibana", name="left-behind")

    nodes.get(node.version, settings)
    assert node.usernames() == {*CAST, own_roles.SERVICE}
    assert (set(security.get_role()), {key["id"] for key in security.query_api_keys(query=ACTIVE)["api_keys"]}) == before
    assert not security.get_role_mapping().body
    for service in ("fleet-server", "kibana"):
        assert not security.get_service_credentials(namespace="elastic", service=service)["tokens"]
