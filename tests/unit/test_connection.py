"""What each answer of a cluster, and each lack of one, is called; a small server gives the answers a real node gives rarely."""

import contextlib
import json
import logging
import random
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, NodeConfig
from elasticsearch import Elasticsearch, exceptions
from pytest_django import Settings

from accounts.services import errors
from accounts.services.client import (
    AdministratorClient,
    Call,
    CredentialsMixin,
    ForwardingClient,
    PersonClient,
    ServiceClient,
    clients,
    curl_node,
    service_client,
)
from accounts.services.client.curl_node import CurlNode
from accounts.services.client.node_pool import PAUSE_SECONDS, ReadPool
from accounts.services.client.urllib3_node import Urllib3Node
from accounts.services.roles import AnonymousAccess, anonymous_access
from accounts.services.roles.anonymous import UNKNOWN

PERSON = "ada", "canary-password"


class Cluster(socketserver.ThreadingTCPServer):
    """Answers every request with one status, or hangs up after reading it."""

    allow_reuse_address = True
    daemon_threads = True
    status: int | None = None
    delay = 0.0
    product = "Elasticsearch"
    body: object = {"error": {"type": "some_exception", "reason": "the reason"}}
    requests: list[str]
    headers: list[str]

    def __init__(self) -> None:
        self.requests = []
        self.headers = []
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
                self.server.headers.append(header.lower())
                if header.lower().startswith("content-length:"):
                    length = int(header.split(":")[1])
            self.rfile.read(length)
            time.sleep(self.server.delay)
            if self.server.status is None:
                return
            body = json.dumps(self.server.body).encode()
            head = (
                f"HTTP/1.1 {self.server.status} X\r\nX-Elastic-Product: {self.server.product}\r\nContent-Type: application/json\r\n"
            )
            self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
def cluster(settings: Settings) -> Iterator[Cluster]:
    with serving() as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        yield server


@contextlib.contextmanager
def serving() -> Iterator[Cluster]:
    with Cluster() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
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
        (408, errors.Unavailable, errors.OutcomeUnknown),
        (413, errors.Unavailable, errors.Invalid),
        (429, errors.Declined, errors.Declined),
        (500, errors.Unavailable, errors.OutcomeUnknown),
        (502, errors.Unavailable, errors.OutcomeUnknown),
        (503, errors.Declined, errors.Declined),
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


def test_a_proxys_503_proves_nothing(cluster: Cluster) -> None:
    cluster.status, cluster.product = 503, "Another"
    with pytest.raises(errors.OutcomeUnknown):
        PersonClient(*PERSON).delete_user(username="jdoe")


@pytest.mark.parametrize(("status", "error"), [(403, errors.WritesBlocked), (429, errors.WritesBlocked), (503, errors.Declined)])
def test_a_block_is_no_lack_of_privileges(cluster: Cluster, status: int, error: type[errors.ServiceError]) -> None:
    cluster.status, cluster.body = status, {"error": {"type": "cluster_block_exception", "reason": "the reason"}}
    with pytest.raises(error):
        PersonClient(*PERSON).delete_user(username="jdoe")


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_question_is_repeated(cluster: Cluster, status: int | None) -> None:
    cluster.status = status
    with pytest.raises(errors.Unavailable):
        PersonClient(*PERSON).query_user(size=1)
    assert cluster.requests == ["POST /_security/_query/user"] * 2


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a host that accepts connections and never answers, as a stopped process does."""
    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def unconnectable() -> Iterator[str]:
    """The URL of a host that answers no request for a connection."""
    with contextlib.ExitStack() as waiting, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # until the kernel takes no more connections
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that calls were sent to, in this order; the pool takes them in the order of the setting."""
    monkeypatch.setattr(random, "shuffle", lambda _: None)
    clients._clients.cache_clear()
    hosts: list[str] = []
    for kind in (CurlNode, Urllib3Node):
        _note_hosts(monkeypatch, kind, hosts)
    return hosts


def _note_hosts(monkeypatch: pytest.MonkeyPatch, kind: Any, hosts: list[str]) -> None:
    perform = kind.perform_request

    def noted(node: BaseNode, *call: Any, **more: Any) -> Any:
        hosts.append(node.base_url)
        return perform(node, *call, **more)

    monkeypatch.setattr(kind, "perform_request", noted)


def test_read_timeout_of_a_single_host_is_not_retried(settings: Settings, asked: list[str], silent: str) -> None:
    settings.ELASTICSEARCH_HOSTS = [silent]
    settings.ELASTICSEARCH_REQUEST_TIMEOUT = 1  # in which a connection is made, also on a busy machine
    with pytest.raises(errors.Unavailable):
        PersonClient(*PERSON).query_user(size=1)
    assert asked == [silent]


@pytest.mark.parametrize("kind", ["silent", "unconnectable"])
@pytest.mark.parametrize("is_forwarded", [False, True])
def test_read_goes_on_to_another_host(
    cluster: Cluster, settings: Settings, asked: list[str], request: pytest.FixtureRequest, kind: str, is_forwarded: bool
) -> None:
    failing, cluster.status = request.getfixturevalue(kind), 200
    settings.ELASTICSEARCH_HOSTS = [failing, cluster.url]
    person = PersonClient(*PERSON)
    if is_forwarded:
        assert ForwardingClient("Basic x").forward(Call("GET", "/_security/user/jdoe"), is_read=True).status == 200
    else:
        assert person.get_user(username="jdoe")
    for _ in range(4):  # it is left out, by changes, too
        person.get_user(username="jdoe")
        person.put_user(username="jdoe", roles=[])
    assert asked == [failing, *[cluster.url] * 9]


@pytest.mark.parametrize("is_forwarded", [False, True])
def test_slow_read_leaves_no_host_out(
    cluster: Cluster, settings: Settings, asked: list[str], monkeypatch: pytest.MonkeyPatch, is_forwarded: bool
) -> None:
    """The list of very many users takes every host longer than one of several has."""
    monkeypatch.setattr(clients, "SECONDS_FOR_ONE_OF_SEVERAL", 1)
    with serving() as other:
        settings.ELASTICSEARCH_HOSTS = [cluster.url, other.url]
        cluster.status = other.status = 200
        cluster.delay = other.delay = 1.5
        if is_forwarded:
            assert ForwardingClient("Basic x").forward(Call("GET", "/_security/user"), is_read=True).status == 200
        else:
            PersonClient(*PERSON).get_user()
        cluster.delay = other.delay = 0
        for _ in range(2):
            PersonClient(*PERSON).put_user(username="jdoe", roles=[])
        assert asked[:2] == [cluster.url, other.url]
        assert set(asked[2:]) == {cluster.url, other.url}


def test_change_goes_on_without_a_connection_only(
    cluster: Cluster, settings: Settings, asked: list[str], unconnectable: str, silent: str
) -> None:
    cluster.status, settings.ELASTICSEARCH_HOSTS = 200, [unconnectable, cluster.url]
    PersonClient(*PERSON).put_user(username="jdoe", roles=[])
    assert asked == [unconnectable, cluster.url]

    asked.clear()
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_REQUEST_TIMEOUT = [silent, cluster.url], 1
    with pytest.raises(errors.OutcomeUnknown):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])
    assert asked == [silent]
    PersonClient(*PERSON).get_user(username="jdoe")
    assert asked == [silent, cluster.url]


def test_silent_tls_handshake_is_no_lost_change(settings: Settings, silent: str) -> None:
    settings.ELASTICSEARCH_HOSTS = [silent.replace("http", "https")]
    settings.ELASTICSEARCH_REQUEST_TIMEOUT = 1
    with pytest.raises(errors.Unreachable):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_what_is_not_elasticsearch_is_not_believed(cluster: Cluster) -> None:
    cluster.status, cluster.product = 200, "Another"
    with pytest.raises(errors.UnsupportedCluster):
        PersonClient(*PERSON).authenticate()
    with pytest.raises(errors.OutcomeUnknown):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_unsent_change_has_no_unknown_outcome(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    with pytest.raises(errors.Unreachable):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_change_without_a_connection_has_no_unknown_outcome(settings: Settings, unconnectable: str) -> None:
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_REQUEST_TIMEOUT = [unconnectable], 0.2
    with pytest.raises(errors.Unreachable):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_change_timeout_has_an_unknown_outcome(settings: Settings, silent: str) -> None:
    settings.ELASTICSEARCH_HOSTS = [silent]
    settings.ELASTICSEARCH_REQUEST_TIMEOUT = 1  # in which a connection is made, also on a busy machine
    with pytest.raises(errors.OutcomeUnknown):
        PersonClient(*PERSON).put_user(username="jdoe", roles=[])


def test_rejected_service_key_is_not_set_up(cluster: Cluster, settings: Settings) -> None:
    settings.ELASTICSEARCH_API_KEY = "a-key"
    for cluster.status in (401, 403):
        with pytest.raises(errors.NotSetUp):
            service_client().get(index="usermgmt-sessions", id="1")
    for settings.ELASTICSEARCH_API_KEY in ("", " "):
        with pytest.raises(errors.NotSetUp):
            service_client()


@pytest.mark.parametrize("client", [PersonClient(*PERSON), AdministratorClient(*PERSON), ServiceClient("a-key")], ids=repr)
def test_credentials_are_always_sent(cluster: Cluster, client: CredentialsMixin) -> None:
    """A caller can't replace them."""
    cluster.status = 200
    for headers in ({}, {"authorization": ""}, {"Authorization": ""}):
        cluster.headers.clear()
        for method in ("GET", "PUT"):
            client.perform_request(
                method, "/", headers={**headers, "accept": "application/json", "content-type": "application/json"}
            )
        sent = [header for header in cluster.headers if header.startswith("authorization:")]
        assert len(sent) == 2
        assert all(header.startswith(("authorization: basic ", "authorization: apikey a-key")) for header in sent)


ANONYMOUS = {"username": "_anonymous", "roles": ["viewer"], "authentication_type": "anonymous"}
OF_CERTIFICATE = {"username": "usermgmt", "authentication_type": "realm", "authentication_realm": {"name": "pki1", "type": "pki"}}
MISSING = "missing authentication credentials for REST request [/_security/_authenticate]"


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, ANONYMOUS, AnonymousAccess("_anonymous", ("viewer",))),
        (401, {"error": {"type": "security_exception", "reason": MISSING}}, AnonymousAccess()),
        (401, {"error": {"type": "security_exception", "reason": "another reason"}}, UNKNOWN),
        (401, "Please sign in to the gateway", UNKNOWN),
        (403, {}, UNKNOWN),
        (503, {}, UNKNOWN),
        (None, {}, UNKNOWN),
        (200, {**ANONYMOUS, "username": "gateway", "authentication_type": "realm"}, UNKNOWN),
    ],
)
def test_anonymous_access(
    cluster: Cluster, status: int | None, body: object, found: AnonymousAccess, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.status, cluster.body = status, body
    assert anonymous_access(PersonClient(*PERSON)) == found
    assert not [header for header in cluster.headers if header.startswith("authorization")]
    assert found == UNKNOWN or not caplog.records


@pytest.mark.parametrize("body", [ANONYMOUS, OF_CERTIFICATE])
def test_answer_to_another_user_is_not_the_persons(cluster: Cluster, body: dict[str, Any]) -> None:
    cluster.status, cluster.body = 200, body
    person = PersonClient(*PERSON)
    with pytest.raises(errors.CredentialsLost):
        person.authenticate()
    assert not person.is_accepted


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


def test_host_gets_a_single_read_after_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    configs = [NodeConfig("http", name, 9200) for name in ("good", "bad")]
    pool = ReadPool(configs, CurlNode, dead_node_backoff_factor=PAUSE_SECONDS)
    good, bad = sorted(pool.all(), key=lambda node: node.host, reverse=True)

    def given(count: int) -> list[BaseNode]:
        return [pool.get() for _ in range(count)]

    for _ in range(5):  # threads that wait for it at the same time
        pool.mark_dead(bad)
    assert given(4) == [good] * 4
    now += PAUSE_SECONDS
    assert given(4) == [bad, good, good, good]
    pool.mark_dead(bad)
    now += PAUSE_SECONDS
    assert given(4) == [good] * 4, "the second pause is longer"
    now += PAUSE_SECONDS
    assert given(1) == [bad]
    pool.mark_live(bad)
    assert set(given(4)) == {good, bad}
    for node in (good, bad):
        pool.mark_dead(node)
    assert given(1)[0] in (good, bad), "rather a paused host than none"
