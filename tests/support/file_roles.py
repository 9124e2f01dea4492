"""Roles in `roles.yml`: how many the cluster says it has, which the assembled node can't, because modules are missing."""

import json
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders

from accounts.services.client.curl_node import CurlNode, Response


def answer_with(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The answer of a complete node to `_xpack/usage`."""
    perform = CurlNode.perform_request

    def answer(node: CurlNode, method: str, target: str, *call: Any, **more: Any) -> Response:
        if not target.startswith("/_xpack/usage"):
            return perform(node, method, target, *call, **more)
        headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
        body = {"security": {"roles": {"file": {"size": size}}}}
        return Response(ApiResponseMeta(200, "1.1", headers, 0, node.config), json.dumps(body).encode())

    monkeypatch.setattr(CurlNode, "perform_request", answer)
