"""A cluster that has lost its users answers 401 to every password: nobody is told that theirs is wrong, and none is counted."""

from collections.abc import Iterator

import pytest
from django.test import Client
from elasticsearch import ApiError
from pytest_django import Settings

from accounts.services.documents import indices
from local_cluster import available_versions
from local_cluster.node import wait_for
from tests.support.cast import PASSWORD
from tests.support.nodes import Nodes, TestNode


@pytest.fixture(params=available_versions())
def node_without_users(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> Iterator[TestNode]:
    """A node of its own whose security index is gone from the disk."""
    nodes = Nodes(tmp_path_factory)
    try:
        node = nodes.get(request.param, settings)
        name, answer = next(iter(node.elastic.indices.get_settings(index=".security").items()))
        # Elasticsearch accepts the API key of usermgmt from its cache afterwards, and so only users are lost.
        assert Client().post("/login", {"username": "ada", "password": PASSWORD}).status_code == 302
        # Moved away, not deleted: the node may be writing into it.
        lost = node.config.parent / "data" / "indices" / answer["settings"]["index"]["uuid"]
        lost.rename(tmp_path_factory.mktemp("lost") / lost.name)
        with pytest.raises(ApiError):
            # It notices now: at once, or after having waited for the lost shard for a minute.
            node.elastic.options(request_timeout=120).security.put_user(username="jdoe", password=PASSWORD, roles=[])
        # `wait_for_status="red"` would wait for nothing: yellow and green are better.
        assert wait_for(lambda: node.elastic.cluster.health(index=name)["status"] == "red", 60)
        yield node
    finally:
        nodes.stop()


def test_lost_users(node_without_users: TestNode, settings: Settings) -> None:
    settings.THROTTLE_FAILURES = 2
    for password in ("wrong-one", "wrong-one", "wrong-one", PASSWORD):
        page = Client().post("/login", {"username": "jdoe", "password": password})
        assert (page.status_code, "incorrect" in page.content.decode()) == (503, False)
    assert node_without_users.elastic.count(index=indices.THROTTLE, ignore_unavailable=True)["count"] == 0
    assert Client().get("/readyz").status_code == 503
    assert Client().get("/livez").status_code == 200
