"""An expired license: the cluster refuses `_cluster/health` to everyone, and security goes on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from elastic_transport import ApiResponseMeta, HttpHeaders
from pytest_django import Settings

from accounts.services.client.curl_node import CurlNode, Response
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.reset_password import in_process

INCORRECT = "Username or password is incorrect. Please try again."
REASON = "current license is non-compliant for [security]"
ERROR = {"type": "security_exception", "reason": REASON, "license.expired.feature": "security"}


@pytest.fixture(autouse=True)
def expired(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of a node whose trial has ended; a test can't wait for that."""
    perform = CurlNode.perform_request

    def answer(target_node: CurlNode, method: str, target: str, *call: Any, **more: Any) -> Response:
        if not target.startswith("/_cluster/health"):
            return perform(target_node, method, target, *call, **more)
        headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
        body = {"error": {**ERROR, "root_cause": [ERROR]}, "status": 403}
        return Response(ApiResponseMeta(403, "1.1", headers, 0, target_node.config), json.dumps(body).encode())

    monkeypatch.setattr(CurlNode, "perform_request", answer)


def sign_in(username: str, password: str) -> Any:
    return Client().post("/login", {"username": username, "password": password})


def test_wrong_passwords_count(node: TestNode, settings: Settings) -> None:
    settings.THROTTLE_FAILURES = 8
    node.put_user("jdoe")
    for _ in range(8):
        assert INCORRECT in sign_in("jdoe", "wrong-one").content.decode()
    held_off, wrong = sign_in("jdoe", PASSWORD), sign_in("jdoe", "wrong-one")
    assert (held_off.status_code, INCORRECT in held_off.content.decode()) == (wrong.status_code, True)


def test_correct_password_signs_in(node: TestNode) -> None:
    assert sign_in("ada", PASSWORD).status_code == 302


def test_ready(node: TestNode) -> None:
    assert Client().get("/readyz").status_code == 200


def test_deactivated_user_is_out_at_the_next_request(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("jdoe", roles=["usermgmt_auditor"])
    jdoe = signed_in("jdoe")
    assert jdoe.get("/users/").status_code == 200
    node.elastic.security.disable_user(username="jdoe")
    response = jdoe.get("/users/")
    assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/login")


@pytest.mark.parametrize("options", [["-b"], ["-b", "-f"]])
def test_reset_password(node: TestNode, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)
    node.put_user("jdoe")
    ended = in_process(monkeypatch)("-u", "jdoe", "-s", *options)
    assert (ended.code, ended.err) == (0, "")
    assert node.signs_in("jdoe", ended.out.strip())
