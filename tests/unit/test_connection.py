"""What each answer of a cluster, and each lack of one, is called; a small server gives the answers a real node gives rarely."""

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import Elasticsearch, exceptions
from pytest_django import Settings

from accounts.services import errors
from accounts.services.client import PersonClient, ServiceClient, curl_node, service_client
from accounts.services.client.curl_node import CurlNode, Response

PERSON = "ada", "canary-password"


class Cluster(socketserver.ThreadingTCPServer):
    """Answers every request with one status, or hangs up after reading it."""

    allow_reuse_address = True
    daemon_threads = True
    status: int | None = None
    product = "Elasticsearch"
    requests: list[str]

    def __init__(self) -> None:
        self.requests = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()
        return f"http://{host}:{port}"


class Answer(socketserver.StreamRequestHandler):
    server: Cluster

    def handle(self) -> None:
        while line := self.rfile.readline().decode():
            self.server.requests.append(line.split(" HTTP")[0])
            length = 0
            while header := self.rfile.readline().decode().strip():
                if header.lower().startswith("content-length:"):
                    length = int(header.split(":")[1])
            self.rfile.read(length)
            if self.server.status is None:
                return
            body = json.dumps({"error": {"type": "some_exception", "reason": "the reason"}}).encode()
            head = (
                f"HTTP/1.1 {self.server.status} X\r\nX-Elastic-Product: {self.server.product}\r\nContent-Type: application/json\r\n"
            )
            self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
def cluster(settings: Settings) -> Iterator[Cluster]:
    with Cluster() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.ELASTICSEARCH_HOSTS = [server.url]
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "asking", "changing"),
    [
        (400, errors.Invalid, errors.Invalid),
        (401, errors.AuthenticationFailed, errors.AuthenticationFailed),
        (403, errors.AccessDenied, errors.AccessDenied),
        (404, errors.NotFound, errors.NotFound),
        (409, errors.Conflict, errors.Conflict),
        (429, errors.Unavailable, errors.Unavailable),
        (500, errors.Unavailable, errors.OutcomeUnknown),
        (502, errors.Unavailable, errors.OutcomeUnknown),
        (503, errors.Unavailable, errors.OutcomeUnknown),
        (504, errors.Unavailable, errors.OutcomeUnknown),
        (None, errors.Unavailable, errors.OutcomeUnknown),
    ],
)
def test_each_status_has_its_error_and_writes_run_once(
    cluster: Cluster, status: int | None, asking: type[Exception], changing: type[Exception]
) -> None:
    cluster.status = status
    with pytest.raises(errors.ServiceError) as asked:
        PersonClient(*PERSON).get_user(username="jdoe")
    assert type(asked.value) is asking

    cluster.requests.clear()
    with pytest.raises(errors.ServiceError) as changed:
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])
    assert type(changed.value) is changing
    assert cluster.requests == ["PUT /_security/user/jdoe"]


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_question_is_repeated(cluster: Cluster, status: int | None) -> None:
    cluster.status = status
    with pytest.raises(errors.Unavailable):
        PersonClient(*PERSON).query_user(size=1)
    assert cluster.requests == ["POST /_security/_query/user"] * 2


def test_read_timeout_is_not_retried(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    perform = CurlNode.perform_request

    def counted(node: CurlNode, *call: Any, **more: Any) -> Response:
        asked.append(node.base_url)
        return perform(node, *call, **more)

    monkeypatch.setattr(CurlNode, "perform_request", counted)
    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as silent:
        settings.ELASTICSEARCH_HOSTS = [f"http://127.0.0.1:{silent.server_address[1]}"]
        settings.ELASTICSEARCH_REQUEST_TIMEOUT = 0.2
        with pytest.raises(errors.Unavailable):
            PersonClient(*PERSON).query_user(size=1)
    assert asked == settings.ELASTICSEARCH_HOSTS


def test_what_is_not_elasticsearch_is_not_believed(cluster: Cluster) -> None:
    cluster.status, cluster.product = 200, "Another"
    with pytest.raises(errors.UnsupportedCluster):
        PersonClient(*PERSON).authenticate()
    with pytest.raises(errors.OutcomeUnknown):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_unsent_change_has_no_unknown_outcome(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    with pytest.raises(errors.Unavailable):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_change_timeout_has_an_unknown_outcome(settings: Settings) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as silent:  # accepts nothing: nobody serves it
        settings.ELASTICSEARCH_HOSTS = [f"http://127.0.0.1:{silent.server_address[1]}"]
        settings.ELASTICSEARCH_REQUEST_TIMEOUT = 0.2
        with pytest.raises(errors.OutcomeUnknown):
            PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_rejected_service_key_is_not_set_up(cluster: Cluster, settings: Settings) -> None:
    settings.ELASTICSEARCH_API_KEY = "a-key"
    for cluster.status in (401, 403):
        with pytest.raises(errors.NotSetUp):
            service_client().get(index="usermgmt-sessions", id="1")
    settings.ELASTICSEARCH_API_KEY = ""
    with pytest.raises(errors.NotSetUp):
        service_client()


def test_ca_certs_are_ignored_without_tls(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_CA_CERTS = ["http://127.0.0.1:1"], "authority.pem"
    with pytest.raises(errors.Unavailable):
        PersonClient(*PERSON).authenticate()


def test_no_secret_is_in_an_exception_or_the_log(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for cluster.status in (400, 401, 503):
        with pytest.raises(errors.ServiceError) as failed:
            PersonClient(*PERSON).change_password(username="jdoe", password="canary-2")
        assert failed.value.__cause__ is None
        assert "canary" not in repr(failed.value)
    assert "canary" not in caplog.text
    assert "canary" not in repr(PersonClient(*PERSON))


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def raised_by_the_client() -> list[Exception]:
    """One of each exception that elasticsearch and elastic_transport can raise, as they make them."""
    answered = subclasses(exceptions.ApiError)
    statuses: dict[type[Exception], int] = {kind: status for status, kind in exceptions.HTTP_EXCEPTIONS.items()}
    node = NodeConfig("http", "127.0.0.1", 1)
    metas = {kind: ApiResponseMeta(statuses.get(kind, 500), "1.1", HttpHeaders(), 0.0, node) for kind in answered}
    return [*(kind("x", metas[kind], {}) for kind in answered), *(kind("x") for kind in subclasses(exceptions.TransportError))]


@pytest.mark.parametrize("exc", raised_by_the_client(), ids=lambda exc: type(exc).__name__)
@pytest.mark.parametrize("asks", [True, False])
def test_every_client_exception_has_an_error_type(exc: Exception, asks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*call: Any, **more: Any) -> None:
        raise exc

    monkeypatch.setattr(Elasticsearch, "perform_request", fail)
    person = PersonClient(*PERSON)
    with pytest.raises(errors.ServiceError) as raised:
        person.authenticate() if asks else person.put_user(username="jdoe", roles=[])
    assert raised.value.__cause__ is None


def test_a_client_has_no_options_and_says_so() -> None:
    with pytest.raises(NotImplementedError, match="no per-call options"):
        ServiceClient("a-key").options(request_timeout=1)


def test_interim_response_headers_are_ignored() -> None:
    head = b"HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nB: x: y\r\n\r\n"
    assert dict(curl_node._headers(head)) == {"content-type": "text/plain", "b": "x: y"}
