"""API keys, also as only time or a changed configuration make them."""

from datetime import datetime
from typing import Any

from elasticsearch import AuthenticationException, Elasticsearch

from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

REWRITER = "rewriter"


def create_key(node: TestNode, owner: str, name: str = "backup") -> Elasticsearch:
    """A client with a new API key of a native user."""
    answer = node.elastic.options(basic_auth=(owner, PASSWORD)).security.create_api_key(name=name, refresh=True)
    return Elasticsearch(node.url, api_key=answer["encoded"])


def new_key(node: TestNode, owner: str, name: str = "nightly", **body: Any) -> tuple[str, str]:
    """ID of a new API key of a native user, and what signs in."""
    answer = node.elastic.options(basic_auth=(owner, PASSWORD)).security.create_api_key(name=name, refresh=True, **body)
    return answer["id"], answer["encoded"]


def works(key: Elasticsearch) -> bool:
    """Whether the node accepts the API key."""
    try:
        return bool(key.security.authenticate()["username"])
    except AuthenticationException:
        return False


def rewrite(node: TestNode, id: str, **fields: Any) -> None:
    """Change the document of a key in the index of Elasticsearch, whose field names are a contract of nobody."""
    document = {name: int(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in fields.items()}
    group = {"names": [".security*"], "privileges": ["all"], "allow_restricted_indices": True}
    node.elastic.security.put_role(name=REWRITER, indices=[group])
    node.put_user(REWRITER, roles=[REWRITER])
    try:
        node.elastic.options(basic_auth=basic(REWRITER, PASSWORD)).update(index=".security-7", id=id, doc=document, refresh=True)
    finally:
        node.elastic.security.delete_user(username=REWRITER)
        node.elastic.security.delete_role(name=REWRITER)
    node.elastic.security.clear_api_key_cache(ids=[id])
