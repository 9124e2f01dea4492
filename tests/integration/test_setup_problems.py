"""The setup of the cluster is at fault: pages, `/readyz`, `setup_cluster`, and `check` say so, and nobody is blamed for it."""

import html
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.services.client import PersonClient, setup_problems
from accounts.services.cluster import own_roles
from accounts.services.documents import indices
from accounts.services.errors import NoShardsLeft, WritesBlocked
from tests.support.cast import PASSWORD
from tests.support.gateway import Answer, gateway
from tests.support.nodes import TestNode

NOT_SET_UP = "The cluster isn't set up the way usermgmt needs"
NO_HANDLER = b'{"error":"no handler found for uri [%s] and method [%s]"}'
OWN: Any = {"index": "usermgmt-*", "expand_wildcards": ["open", "hidden"]}


def sign_in(username: str = "ada", password: str = PASSWORD) -> tuple[int, str]:
    response = Client().post("/login", {"username": username, "password": password})
    return response.status_code, html.unescape(response.content.decode())


def ready() -> tuple[int, str]:
    response = Client().get("/readyz")
    return response.status_code, response.content.decode()


def check() -> str:
    """What `manage.py check --deploy --tag cluster` prints."""
    err = io.StringIO()
    try:
        call_command("check", "--deploy", "--tag", "cluster", stdout=io.StringIO(), stderr=err)
    except SystemCheckError as exc:
        return str(exc)
    return err.getvalue()


def set_up() -> str:
    """What `setup_cluster` ends with."""
    with pytest.raises(CommandError) as ended:
        call_command("setup_cluster", stdout=io.StringIO())
    assert ended.value.returncode == 78
    return str(ended.value)


@pytest.fixture(autouse=True)
def superuser(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)


def without_product(answer: Answer) -> None:
    answer.headers.pop("x-elastic-product", None)


def too_old(answer: Answer) -> None:
    if answer.path.startswith("/_security/_query/user"):
        answer.status, answer.body = 400, NO_HANDLER % (answer.path.encode(), answer.method.encode())
    elif answer.path.startswith("/_nodes"):
        nodes = json.loads(answer.body)
        for node in nodes["nodes"].values():
            node["version"] = "8.14.3"
        answer.body = json.dumps(nodes).encode()


def another_product(answer: Answer) -> None:
    """OpenSearch without its security: it knows none of the calls."""
    without_product(answer)
    answer.status, answer.body = 400, NO_HANDLER % (answer.path.encode(), answer.method.encode())


def another_major(answer: Answer) -> None:
    error = {"type": "media_type_header_exception", "reason": "Invalid media-type value on headers [Accept]"}
    answer.status, answer.body = 400, json.dumps({"error": error, "status": 400}).encode()


def page(status: int) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.status, answer.body = status, b"<html><body>nginx</body></html>"
        answer.headers = {"content-type": "text/html", **({"location": "https://127.0.0.1/"} if status == 301 else {})}

    change.__name__ = f"page_{status}"
    return change


GATEWAYS = [
    (without_product, setup_problems.SOMETHING_ELSE),
    (too_old, "Elasticsearch 8.14.3 is too old. usermgmt needs Elasticsearch 8.15 or later"),
    (another_product, setup_problems.MISSING_API),
    (another_major, setup_problems.OTHER_COMPATIBILITY),
    *((page(status), setup_problems.SOMETHING_ELSE) for status in (200, 301, 400, 401, 403, 404, 405)),
]


@pytest.mark.parametrize(("change", "sentence"), GATEWAYS, ids=[change.__name__ for change, _ in GATEWAYS])
def test_unsupported_cluster(node: TestNode, settings: Settings, change: Callable[[Answer], None], sentence: str) -> None:
    settings.THROTTLE_FAILURES = 1
    with gateway(node.url, change) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        for password in ("wrong-one", "wrong-one", PASSWORD):
            status, answer = sign_in("ada", password)
            assert (status, f"{NOT_SET_UP}. {sentence}" in answer) == (503, True), answer
        status, answer = ready()
        assert (status, answer.startswith(sentence)) == (503, True), answer
        assert sentence in check()
        assert sentence in set_up()
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert sign_in()[0] == 302, "no failed attempt was counted"


def test_page_of_an_unsupported_cluster(node: TestNode, settings: Settings, signed_in: Callable[..., Client]) -> None:
    ada, otto = signed_in("ada"), signed_in("otto")
    with gateway(node.url, too_old) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        for client, sees_details in ((ada, True), (otto, False)):
            response = client.get("/users/")
            content = html.unescape(response.content.decode())
            assert (response.status_code, NOT_SET_UP in content, setup_problems.MISSING_API in content) == (503, True, True)
            assert ("no handler found for uri [/_security/_query/user" in content) == sees_details


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_proxy_without_its_node_is_an_outage(node: TestNode, settings: Settings, status: int) -> None:
    with gateway(node.url, page(status)) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        assert ready() == (503, "Elasticsearch is unavailable")
        with pytest.raises(SystemCheckError, match="Elasticsearch is unavailable"):
            call_command("check", "--deploy", "--tag", "cluster")
        assert NOT_SET_UP not in sign_in()[1]


def test_https_where_there_is_none(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = [node.url.replace("http:", "https:")]
    assert setup_problems.PLAIN_HTTP in sign_in()[1]
    assert ready() == (503, setup_problems.PLAIN_HTTP)
    assert setup_problems.PLAIN_HTTP in check()
    assert setup_problems.PLAIN_HTTP in set_up()


@contextmanager
def cluster_settings(node: TestNode, **settings: Any) -> Iterator[None]:
    values = {name.replace("__", "."): value for name, value in settings.items()}
    node.elastic.cluster.put_settings(persistent=values)
    try:
        yield
    finally:
        node.elastic.cluster.put_settings(persistent=dict.fromkeys(values))


@contextmanager
def no_shard_left(node: TestNode, **settings: Any) -> Iterator[tuple[str, str]]:
    """At the beginning of a month."""
    node.elastic.indices.delete(index=indices.audit_index(timezone.now()))
    with cluster_settings(node, cluster__max_shards_per_node=1, **settings):
        yield NoShardsLeft.problem, "maximum normal shards open"


@contextmanager
def no_shard_left_nor_automatic_indices(node: TestNode) -> Iterator[tuple[str, str]]:
    with no_shard_left(node, action__auto_create_index="false") as expected:
        yield expected


@contextmanager
def full_disk(node: TestNode) -> Iterator[tuple[str, str]]:
    """What Elasticsearch does to the indices on a disk that is almost full."""
    node.elastic.indices.put_settings(**OWN, settings={"index.blocks.read_only_allow_delete": True})
    try:
        yield setup_problems.DISK_FULL, "flood-stage watermark"
    finally:
        node.elastic.indices.put_settings(**OWN, settings={"index.blocks.read_only_allow_delete": None})


@contextmanager
def read_only_cluster(node: TestNode) -> Iterator[tuple[str, str]]:
    with cluster_settings(node, cluster__blocks__read_only=True):
        yield setup_problems.READ_ONLY_CLUSTER, "cluster read-only"


@pytest.mark.parametrize("limit", [no_shard_left, no_shard_left_nor_automatic_indices, full_disk, read_only_cluster])
def test_limit_of_the_cluster_stands_on_the_page(
    node: TestNode, signed_in: Callable[..., Client], limit: Callable[..., Any]
) -> None:
    ada, norah = signed_in("ada"), signed_in("norah")
    node.put_user("jdoe")
    new = {"current_password": PASSWORD, "password": "another-password", "confirm_password": "another-password"}
    with limit(node) as (sentence, words):
        for client, path, data, sees_words in (
            (ada, "/users/deactivate/jdoe", {}, True),
            (norah, "/account/change-password", new, False),
        ):
            response = client.post(path, data)
            page = html.unescape(response.content.decode())
            assert (response.status_code, sentence in page, words in page) == (503, True, sees_words), page
            assert "Not applied because the audit trail is unavailable" in page
        assert (node.user("jdoe") or {})["enabled"]
        assert node.signs_in("norah", PASSWORD)
    assert ada.post("/users/deactivate/jdoe").status_code == 302


@pytest.mark.parametrize("limit", [full_disk, read_only_cluster])
def test_nobody_can_sign_in_while_sessions_are_read_only(
    node: TestNode, signed_in: Callable[..., Client], limit: Callable[..., Any]
) -> None:
    signed_in("ada")
    with limit(node) as (sentence, _):
        assert ready() == (503, sentence)
        status, page = sign_in()
        assert (status, f"{NOT_SET_UP}. {sentence}" in page) == (503, True)
        assert sentence in check()
    assert ready() == (200, "ok")
    assert sign_in()[0] == 302


def test_setup_names_a_limit(node: TestNode) -> None:
    with no_shard_left(node) as (sentence, _):
        assert sentence in set_up()
    node.elastic.security.delete_role(name=own_roles.AUDITOR_ROLE)
    with read_only_cluster(node) as (sentence, _):
        assert sentence in set_up()
    call_command("setup_cluster", stdout=io.StringIO())


def test_read_only_cluster_is_no_missing_permission(node: TestNode) -> None:
    """Without the audit trail, which fails first."""
    with read_only_cluster(node), pytest.raises(WritesBlocked):
        PersonClient("ada", PASSWORD).put_user(username="jdoe", password=PASSWORD, roles=[])
    assert node.user("jdoe") is None


def test_missing_index(node: TestNode, settings: Settings) -> None:
    node.elastic.indices.delete(index=[indices.SESSIONS, indices.REVIEWS])
    try:
        sentence = (
            f"usermgmt has no index {indices.SESSIONS}, {indices.REVIEWS}. An administrator must run `manage.py setup_cluster`."
        )
        assert ready() == (200, f"ok\n{sentence}"), "usermgmt creates it at the next sign-in"
        assert sentence in check()

        # A key of an older usermgmt can't.
        weak = [
            {**part, "privileges": [*set(part["privileges"]) - {"create_index", "auto_configure"}]}
            for part in own_roles.ROLES[own_roles.SERVICE]["indices"]
        ]
        key = node.elastic.security.create_api_key(
            name="old", role_descriptors={"old": {"cluster": ["monitor"], "indices": weak}}, refresh=True
        )
        settings.ELASTICSEARCH_API_KEY = key["encoded"]
        status, text = ready()
        assert (status, sentence in text) == (503, True)
        assert sign_in()[0] == 503

        settings.ELASTICSEARCH_API_KEY = node.api_key
        assert sign_in()[0] == 302
    finally:
        call_command("setup_cluster", stdout=io.StringIO())
    assert ready() == (200, "ok")


def test_template_of_someone_else(node: TestNode) -> None:
    sentence = "The index template 'everything' (priority 1000001) takes precedence over the template of usermgmt for the index "
    node.elastic.indices.put_index_template(name="everything", index_patterns=["usermgmt-r*"], priority=1_000_001, template={})
    try:
        status, text = ready()
        assert (status, text.startswith(f"ok\n{sentence}{indices.REVIEWS}.")) == (200, True), text
        assert sign_in()[0] == 302
        assert sentence in check()
        assert sentence in set_up()
    finally:
        node.elastic.indices.delete_index_template(name="everything")
    assert ready() == (200, "ok")
    assert check() == ""


@pytest.mark.parametrize(
    ("missing", "sign_in_status"), [("create_doc", 302), ("maintenance", 302), ("write", 503)], ids=["trail", "refresh", "session"]
)
def test_key_without_privileges(node: TestNode, settings: Settings, missing: str, sign_in_status: int) -> None:
    role = own_roles.ROLES[own_roles.SERVICE]
    parts = [{**part, "privileges": [*set(part["privileges"]) - {missing}]} for part in role["indices"]]
    descriptors = {"few": {"cluster": role["cluster"], "indices": parts}}
    key = node.elastic.security.create_api_key(name="few", role_descriptors=descriptors, refresh=True)
    settings.ELASTICSEARCH_API_KEY = key["encoded"]
    status, text = ready()
    assert status == (200 if sign_in_status == 302 else 503)
    assert (
        f"The API key of usermgmt lacks privileges: usermgmt-{'audit-*' if missing == 'create_doc' else 'findings'}: {missing}"
        in text
    )
    assert sign_in()[0] == sign_in_status
    assert "The API key of usermgmt lacks privileges" in check()


def test_readiness_is_cheap(node: TestNode, settings: Settings, calls: list[str]) -> None:
    settings.CACHE_SECONDS = 60
    for _ in range(10):
        assert ready() == (200, "ok")
    assert len([call for call in calls if "/_security/api_key" in call]) == 10
    assert len([call for call in calls if "/_mget" in call]) == 10
    assert len(calls) == 10 + 10 + 5


@pytest.mark.parametrize("index", [indices.SESSIONS, indices.THROTTLE])
def test_nobody_can_sign_in_without_the_documents_of_an_index(node: TestNode, index: str) -> None:
    """Closed, which is as an index whose shards are lost."""
    node.elastic.indices.close(index=index)
    try:
        assert sign_in()[0] == 503
        assert ready() == (503, "Elasticsearch is unavailable")
    finally:
        node.elastic.indices.open(index=index, wait_for_active_shards=1)
    assert ready() == (200, "ok")


def test_nobody_can_sign_in_with_the_api_key_of_another_program(node: TestNode, settings: Settings) -> None:
    key = node.elastic.security.create_api_key(name="other", role_descriptors={"other": {"cluster": ["monitor"]}}, refresh=True)
    settings.ELASTICSEARCH_API_KEY = key["encoded"]
    assert sign_in()[0] == 503
    status, text = ready()
    assert (status, "lacks privileges" in text) == (503, True), text
