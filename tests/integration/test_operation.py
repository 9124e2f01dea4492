"""What an operator looks at: the metrics, the request log, and the page System."""

import base64
import html
import json
import logging
import os
import re
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Event

import ecs_logging
import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.services import sessions
from accounts.services.client import AdministratorClient
from accounts.services.cluster import own_roles, own_templates
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from accounts.views import metrics
from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.server import answers, children_of, start
from usermgmt.logging import RequestIdFilter

TOKEN = "token-of-these-tests"
REQUESTS = "usermgmt_request_duration_seconds_count"
CALLS = "usermgmt_elasticsearch_call_duration_seconds_count"

Samples = dict[tuple[str, ...], float]


def scrape() -> tuple[str, Samples]:
    response = Client(headers={"authorization": f"Bearer {TOKEN}", "host": "10.0.0.1:8000"}).get("/metrics")
    assert response.status_code == 200
    return response.content.decode(), parsed(response.content)


def parsed(content: bytes) -> Samples:
    """The value of each sample, by its name and the values of its labels, which are sorted by name."""
    samples = [each for family in text_string_to_metric_families(content.decode()) for each in family.samples]
    return {(each.name, *(each.labels[label] for label in sorted(each.labels))): each.value for each in samples}


def test_metrics(node: TestNode, settings: Settings, signed_in: Callable[..., Client]) -> None:
    assert Client().get("/metrics").status_code == 404, "off by default"
    settings.METRICS_TOKEN = TOKEN
    for header in ("", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        refused = Client(headers={"authorization": header} if header else {}).get("/metrics")
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")

    before = scrape()[1]
    node.put_user("jdoe-canary")
    ada = signed_in("ada")
    ada.get("/users/edit/jdoe-canary?q=query-canary")
    ada.post("/users/deactivate/jdoe-canary")
    ada.get("/users/edit/nobody-canary")
    Client().post("/login", {"username": "jdoe-canary", "password": "wrong-canary"})
    b"".join(ada.get("/users/export?format=csv"))
    settings.THROTTLE_FAILURES = 0
    Client().post("/login", {"username": "jdoe-canary", "password": "wrong-canary"})
    Client().post("/login", {"username": "jdoe-canary", "password": "wrong-canary"})
    content, after = scrape()

    grown = {key for key in after if after[key] > before.get(key, 0)}
    assert grown >= {
        (REQUESTS, "2xx", "user_edit"),
        (REQUESTS, "4xx", "user_edit"),
        (REQUESTS, "3xx", "user_deactivate"),
        (REQUESTS, "2xx", "user_export"),
        (CALLS, "security.get_user", "success"),
        (CALLS, "security.authenticate", "authentication_failed"),
        ("usermgmt_sign_ins_total", "success"),
        ("usermgmt_sign_ins_total", "authentication_failed"),
        ("usermgmt_sign_ins_total", "rate_limited"),
        ("usermgmt_throttled_attempts_total",),
        ("usermgmt_audit_events_total", "success"),
    }
    assert "canary" not in content
    assert "ada" not in content


def test_metrics_have_the_active_sessions(
    node: TestNode, settings: Settings, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(metrics, "SECONDS_FOR_SESSIONS", 60)  # a busy node may need longer than Prometheus would wait
    ada, otto = signed_in("ada"), signed_in("otto")
    ada.get("/sessions/")  # which refreshes the index
    number = scrape()[1]["usermgmt_sessions",]
    assert number == len(sessions.active_sessions())
    otto.post("/logout")
    ada.get("/sessions/")
    assert scrape()[1]["usermgmt_sessions",] == number - 1

    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    assert ("usermgmt_sessions",) not in scrape()[1], "not known"
    answering = Event()
    monkeypatch.setattr(sessions, "number_of_active", answering.wait)
    monkeypatch.setattr(metrics, "SECONDS_FOR_SESSIONS", 0)
    assert ("usermgmt_sessions",) not in scrape()[1], "Elasticsearch hangs"
    answering.set()


def test_metrics_of_several_processes(tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    url, temporary = f"http://127.0.0.1:{port}", tmp_path / "temporary"
    temporary.mkdir()
    environment = {"ENV_FILE": os.devnull, "HTTPS": "false", "SECRET_KEY": "x" * 64, "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1"}
    environment |= {"METRICS_TOKEN": TOKEN, "WEB_WORKERS": "2", "PORT": port, "TMPDIR": str(temporary)}
    process = start({**os.environ, **environment}, tmp_path / "log", url)

    def fetch(path: str) -> bytes:
        request = urllib.request.Request(f"{url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return bytes(response.read())

    def count_after(pages: int) -> set[float]:
        for _ in range(pages):
            fetch("/login")
        return {parsed(fetch("/metrics"))[REQUESTS, "2xx", "login"] for _ in range(8)}

    try:
        assert count_after(20) == {20}
        os.kill(int(children_of(process)[0]), signal.SIGKILL)
        assert wait_for(lambda: len(children_of(process)) == 2 and answers(url), 30)
        assert count_after(5) == {25}
        assert list(temporary.glob("usermgmt-metrics-*"))
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert not list(temporary.glob("usermgmt-metrics-*"))


def test_request_log(
    node: TestNode, settings: Settings, signed_in: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    settings.REQUEST_LOG = True
    node.put_user("jdoe-canary")
    ada = signed_in("ada")
    caplog.clear()
    caplog.handler.addFilter(RequestIdFilter())
    with caplog.at_level(logging.INFO, "usermgmt.requests"):
        page = ada.get("/users/edit/jdoe-canary?q=query-canary")
        api = Client(headers={"authorization": _basic("ada", PASSWORD)}).get("/_security/user/jdoe-canary")
        Client(headers={"authorization": _basic("ada", "wrong-canary")}).get("/_security/user/jdoe-canary")
        b"".join(ada.get("/users/export?format=csv"))
        Client().get("/livez")
    formatter = ecs_logging.StdlibFormatter(exclude_fields=["log.original", "process"])
    lines = [json.loads(formatter.format(record)) for record in caplog.records if record.name == "usermgmt.requests"]
    assert [line["message"] for line in lines] == [
        "GET user_edit 200",
        "GET /_security/user/{username} 200",
        "GET /_security/user/{username} 401",
        "GET user_export 200",
    ]
    assert [line.get("user", {}).get("name") for line in lines] == ["ada", "ada", None, "ada"]
    first = lines[0]
    assert first["usermgmt"]["view"] == "user_edit"
    assert first["usermgmt"]["elasticsearch"]["calls"] >= 2
    assert first["event"]["duration"] > first["usermgmt"]["elasticsearch"]["duration"] > 0
    assert first["http"] == {"request": {"method": "GET"}, "response": {"status_code": 200}}
    assert first["source"] == {"ip": "127.0.0.1"}
    assert [lines[0]["trace"]["id"], lines[1]["trace"]["id"]] == [page["X-Request-ID"], api["X-Request-ID"]]
    assert "canary" not in json.dumps(lines)


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def part(page: str, hook: str) -> str:
    """The text of one part of the page."""
    found = re.search(rf'data-test-subj="{hook}">(.*?)</section>', page, re.DOTALL)
    assert found
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", found[1]).split()))


def test_system(node: TestNode, settings: Settings, signed_in: Callable[..., Client]) -> None:
    node.elastic.indices.put_index_template(
        name=indices.JOBS, index_patterns=[indices.JOBS], template={}, priority=own_templates.PRIORITY
    )
    try:
        page = text(signed_in("ada"), "/system/")
    finally:
        list(cluster_setup.set_up(AdministratorClient("elastic", node.elastic_password)))
    cluster = part(page, "systemCluster")
    assert node.version in cluster
    assert "License Basic, active" in cluster
    assert f"{node.url} Plain HTTP" in cluster
    assert "No difference of more than 2 seconds between this server and the node was found." in cluster
    key = part(page, "systemKey")
    assert "Owner usermgmt_service" in key
    assert "Expires Never" in key
    assert "All that usermgmt needs It can't manage users, or change or delete events" in key
    templates = part(page, "systemTemplates")
    assert "usermgmt-audit Up to date" in templates
    assert "usermgmt-jobs Of another version Run manage.py setup_cluster" in templates
    assert "No known problems." in part(page, "systemProblems")
    assert "HTTPS Browsers send passwords" in part(page, "systemUnsafeSettings")
    assert "usermgmt-sessions No information No information Until a session ends" in part(page, "systemIndices")
    assert "You don't have the index privilege monitor for usermgmt-*." in part(page, "systemIndices")
    assert "User API On." in part(page, "systemServer")


def test_system_names_what_is_missing(node: TestNode, settings: Settings, signed_in: Callable[..., Client]) -> None:
    node.put_user("root", roles=["superuser"])
    service = own_roles.ROLES[own_roles.SERVICE]
    few = [{"names": ["usermgmt-*"], "privileges": ["read", "write", "create_index", "view_index_metadata"]}]
    role = {"few": {"cluster": ["manage_security"], "indices": few}}
    key = node.elastic.security.create_api_key(name="few", role_descriptors=role, expiration="2d", refresh=True).body
    settings.ELASTICSEARCH_API_KEY = key["encoded"]
    try:
        page = text(signed_in("root"), "/system/")
    finally:
        node.elastic.security.invalidate_api_key(ids=[key["id"]])
    own = part(page, "systemKey")
    assert "Then no user can sign in." in own
    missing, _, excessive = own.partition("More than usermgmt needs")
    assert "setup_cluster --env-file .env , and restart the server: indices:admin/index_template/get monitor" in missing
    assert "usermgmt-sessions: maintenance" in missing
    assert "The API key of usermgmt is missing, invalid, or lacks privileges." in part(page, "systemProblems")
    assert "manage_security" in excessive
    assert "usermgmt-audit-*: index" in excessive
    assert "run manage.py setup_cluster --new-key --env-file .env" in own
    assert "The API key of usermgmt doesn't have the cluster privilege monitor." in part(page, "systemCluster")
    assert f"doesn't have the cluster privilege {service['cluster'][1]}" in part(page, "systemTemplates")
    sizes = part(page, "systemIndices")
    for index in (indices.SESSIONS, indices.audit_index(timezone.now())):
        assert re.search(rf"{index} \d+ [\d.]+.(bytes|KB|MB) ", sizes)
