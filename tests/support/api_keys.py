"""API keys as only time or a changed configuration make them."""

from datetime import datetime
from typing import Any

from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

REWRITER = "rewriter"


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
