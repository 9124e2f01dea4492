"""What an operator looks at, without a node: metrics of several processes, fields of the log, unsafe settings, parts of System."""

import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, StreamingHttpResponse
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings

from accounts.observation import log_fields, observed
from accounts.services import request_context, sessions
from accounts.services.client import setup_problems
from accounts.services.cluster import overview, own_templates
from accounts.services.documents import indices
from accounts.services.request_context import Observation
from accounts.unsafe_settings import unsafe_settings
from accounts.views import metrics as metrics_view
from accounts.views import system
from usermgmt import metrics
from usermgmt.configuration import bearer_token, is_this_machine

TOP = Path(__file__).resolve().parents[2]
GUIDE = (TOP / "docs/operate.md").read_text()
SAFE: dict[str, Any] = {
    "DEBUG": False,
    "HTTPS": True,
    "ELASTICSEARCH_HOSTS": ["https://es1.example.org:9200", "http://127.0.0.1:9200"],
    "ALLOWED_HOSTS": ["users.example.org"],
    "BEHIND_PROXY": True,
    "WEB_BIND": "127.0.0.1:8000",
    "SECRET_KEY": "".join(map(chr, range(40, 104))),
    "SECRET_KEY_FALLBACKS": [],
    "SECRET_FILES": {},
    "THROTTLE_FAILURES": 5,
    "THROTTLE_FAILURES_IN_ALL": 20,
    "THROTTLE_ANSWER_SECONDS": 1,
}


def test_one_process_answers_for_all(tmp_path: Path) -> None:
    program = "from usermgmt import metrics; metrics.THROTTLED.inc(); print(metrics.exposition(None).decode())"
    environment = {**os.environ, metrics.FOLDER: str(tmp_path)}
    shown = [subprocess.check_output([sys.executable, "-c", program], cwd=TOP, env=environment, text=True) for _ in range(2)]
    assert "usermgmt_throttled_attempts_total 1.0" in shown[0]
    assert 'usermgmt_audit_events_total{outcome="failure"} 0.0' in shown[0], "rate() sees the first failure"
    assert "usermgmt_throttled_attempts_total 2.0" in shown[1]


def test_guide_has_all_metrics() -> None:
    families = re.findall(r"^# TYPE (\S+)", metrics.exposition(7).decode(), re.MULTILINE)
    assert sorted(families) == sorted(re.findall(r"^\| `(usermgmt_\w+)` \|", GUIDE, re.MULTILINE))


def test_guide_has_all_fields_of_the_log() -> None:
    request_context.source_address.set("192.0.2.1")
    fields = log_fields(RequestFactory().get("/"), 200, Observation("users", "ada"), 0.1)
    request_context.source_address.set("")
    assert fields.keys() <= set(re.findall(r"`([a-z_.]+)`", GUIDE.partition("## Request log")[2]))


def test_log_without_a_user() -> None:
    fields = log_fields(RequestFactory().post("/login?q=canary"), 503, Observation("login", calls=2, seconds_of_calls=0.5), 1.5)
    assert fields == {
        "event.dataset": "usermgmt.requests",
        "event.outcome": "failure",
        "event.duration": 1_500_000_000,
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "usermgmt.view": "login",
        "usermgmt.elasticsearch.calls": 2,
        "usermgmt.elasticsearch.duration": 500_000_000,
    }


def test_reads_of_sessions_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Elasticsearch doesn't answer."""
    answers, reads = threading.Event(), list[str]()

    def read() -> int:
        reads.append("read")
        answers.wait(20)
        return 7

    monkeypatch.setattr(sessions, "number_of_active", read)
    monkeypatch.setattr(metrics_view, "SECONDS_FOR_SESSIONS", 0.1)
    assert [metrics_view._number_of_sessions() for _ in range(5)] == [None] * 5
    answers.set()
    monkeypatch.setattr(metrics_view, "SECONDS_FOR_SESSIONS", 20)
    assert metrics_view._number_of_sessions() == 7
    assert len(reads) == 2, "the one that did not end in time, and the last one"


def test_download_is_observed_until_it_ends(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REQUEST_LOG = True

    def download(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter([b"first", b"last"]))

    response = observed(download)(RequestFactory().get("/users/export"))
    assert isinstance(response, StreamingHttpResponse)
    assert list(response) == [b"first", b"last"]
    assert caplog.messages == []
    response.close()
    assert caplog.messages == ["GET none 200"]


def test_static_files_are_not_observed(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REQUEST_LOG = True
    observed(lambda request: StreamingHttpResponse(iter([b""])))(RequestFactory().get("/static/app.css")).close()
    assert caplog.messages == []


@pytest.mark.parametrize("token", ["canary", "a canary with spaces", "a-canary-with-an-é"])
def test_token_that_cannot_be_used(token: str) -> None:
    with pytest.raises(ValueError, match="must have at least 16 characters") as caught:
        bearer_token(token)
    assert "canary" not in str(caught.value)


def test_token() -> None:
    assert bearer_token("") == ""
    assert bearer_token("a-token-that-can-be-used") == "a-token-that-can-be-used"


def test_safe_settings(settings: Settings) -> None:
    for name, value in SAFE.items():
        setattr(settings, name, value)
    assert unsafe_settings() == []
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_VERIFY_HOSTNAME = ["http://127.0.0.1:9200"], False
    assert unsafe_settings() == [], "without TLS there is nothing to verify"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"DEBUG": True}, "DEBUG"),
        ({"HTTPS": False}, "HTTPS"),
        ({"ELASTICSEARCH_HOSTS": ["http://es1.example.org:9200"]}, "ELASTICSEARCH_HOSTS"),
        ({"ELASTICSEARCH_VERIFY_HOSTNAME": False}, "ELASTICSEARCH_VERIFY_HOSTNAME"),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]}, "ALLOWED_HOSTS"),
        ({"WEB_BIND": "0.0.0.0:8000"}, "BEHIND_PROXY"),
        ({"WEB_BIND": "[::]:8000"}, "BEHIND_PROXY"),
        ({"SECRET_KEY": "only for tests, and long enough to be taken"}, "SECRET_KEY"),
        ({"SECRET_KEY": "ab" * 32}, "SECRET_KEY"),
        ({"SECRET_KEY_FALLBACKS": ["x" * 64]}, "SECRET_KEY_FALLBACKS"),
        ({"THROTTLE_FAILURES_IN_ALL": 1_000_000}, "THROTTLE_FAILURES, THROTTLE_FAILURES_IN_ALL"),
        ({"THROTTLE_ANSWER_SECONDS": 0}, "THROTTLE_ANSWER_SECONDS"),
        ({"PASSWORD_MIN_LENGTH": 6}, "PASSWORD_MIN_LENGTH"),
    ],
)
def test_unsafe_setting(settings: Settings, changed: dict[str, Any], name: str) -> None:
    for setting, value in {**SAFE, **changed}.items():
        setattr(settings, setting, value)
    found = unsafe_settings()
    assert [each.name for each in found] == [name]
    assert settings.SECRET_KEY not in str(found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:9200", True),
        ("http://127.0.0.2", True),
        ("http://[::1]:9200", True),
        ("http://[::]:9200", False),
        ("http://0.0.0.0:9200", False),
        ("http://es1.example.org", False),
    ],
)
def test_this_machine(url: str, expected: bool) -> None:
    assert is_this_machine(url) is expected


@pytest.mark.parametrize(
    ("milliseconds", "is_off"), [(100_000, False), (102_900, False), (103_600, True), (98_100, False), (97_400, True)]
)
def test_clock_counts_as_off_beyond_what_the_call_took(milliseconds: int, is_off: bool) -> None:
    assert overview.clock("node-1", milliseconds, before=100.0, after=101.0).is_off is is_off


def test_privileges_of_the_key() -> None:
    answer = {
        "cluster": {"monitor": False, "manage_security": True},
        "index": {
            "usermgmt-audit-*": {"create_doc": True, "read": False, "delete": False, "index": True},
            "usermgmt-jobs": {"write": True},
        },
    }
    assert overview.sort_privileges(answer) == (
        ["monitor", "usermgmt-audit-*: read"],
        ["manage_security", "usermgmt-audit-*: index"],
    )


def changed(name: str, part: str, **values: Any) -> dict[str, Any]:
    """The template in words of a response, with other values in one of its parts."""
    body: dict[str, Any] = json.loads(json.dumps(own_templates.bodies()[name]))
    settings = {"index.number_of_shards": "1", "index.auto_expand_replicas": "0-1", "index.hidden": "true"}
    body = {**body, "composed_of": [], "created_date_millis": 1, "template": {**body["template"], "settings": settings}}
    inner = {"": body, "template": body["template"], "settings": settings, "mappings": body["template"]["mappings"]}[part]
    inner.update(values)
    return {"name": name, "index_template": body}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (changed(indices.JOBS, ""), "Up to date"),
        (changed(indices.AUDIT, "", version=2), "Up to date"),
        (changed(indices.JOBS, "", _meta={}), "Of another version"),
        ({"name": indices.JOBS, "index_template": {}}, "Of another version"),
        (changed(indices.JOBS, "", priority=1), "Changed outside usermgmt"),
        (changed(indices.JOBS, "", composed_of=["others"]), "Changed outside usermgmt"),
        (changed(indices.JOBS, "", index_patterns=["usermgmt-jobs*"]), "Changed outside usermgmt"),
        (changed(indices.JOBS, "", allow_auto_create=False), "Changed outside usermgmt"),
        (changed(indices.JOBS, "template", aliases={"jobs": {}}), "Changed outside usermgmt"),
        (changed(indices.AUDIT, "settings", **{"index.lifecycle.name": "usermgmt-audit"}), "Changed outside usermgmt"),
        (changed(indices.AUDIT, "settings", **{"index.number_of_shards": "2"}), "Changed outside usermgmt"),
        (changed(indices.AUDIT, "mappings", dynamic="true"), "Changed outside usermgmt"),
        (changed(indices.AUDIT, "mappings", dynamic_templates=[]), "Changed outside usermgmt"),
    ],
)
def test_templates_are_compared(found: dict[str, Any], state: str) -> None:
    states = {each.name: each.state for each in overview.compare_templates([found, {"name": "logs", "index_template": {}}])}
    assert states == {**dict.fromkeys(indices.TEMPLATES, "Missing"), found["name"]: state}


def test_every_index_has_a_retention() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    assert {overview.Index(name, "").retention for name in indices.names(now)} == set(overview.RETENTION.values())
    assert overview.Index("usermgmt-audit-2026.11", "a-year").retention == "ILM policy a-year"


def test_license_that_expires() -> None:
    soon, later = timezone.now() + timedelta(days=29), timezone.now() + timedelta(days=31)
    assert overview.License("platinum", "active", soon).expires_soon
    assert not overview.License("platinum", "active", later).expires_soon
    assert not overview.License("basic", "active", None).expires_soon
    assert not overview.License("trial", "expired", soon).is_active


def test_connection_without_tls_reads_no_files(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:9200"]
    settings.ELASTICSEARCH_CA_CERTS = settings.ELASTICSEARCH_CLIENT_CERTFILE = "/nonexistent"
    found = overview.connection()
    assert (found.ca, found.fingerprint, found.client, found.plain) == ("", "", "", settings.ELASTICSEARCH_HOSTS)


def test_connection_with_an_authority_that_no_node_has_sent(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_CA_FINGERPRINT = ["https://127.0.0.1:9200"], "ab" * 32
    assert (overview.connection().fingerprint, overview.connection().authorities) == ("ab" * 32, [])


@pytest.mark.parametrize("name", ["ELASTICSEARCH_CA_CERTS", "ELASTICSEARCH_CLIENT_CERTFILE"])
def test_file_of_the_connection_that_vanished(settings: Settings, name: str) -> None:
    settings.ELASTICSEARCH_HOSTS = ["https://127.0.0.1:9200"]
    setattr(settings, name, "/nonexistent")
    assert system._connection().problem == setup_problems.FILE_CHANGED


def test_no_request_looks_for_a_database() -> None:
    """In a process of its own, because Django's test client connects the signals again."""
    program = (
        "import django; django.setup()\n"
        "from django import db\n"
        "from django.core.signals import request_finished, request_started\n"
        "print([signal.disconnect(db.close_old_connections) for signal in (request_started, request_finished)])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], cwd=TOP, text=True) == "[False, False]\n"
