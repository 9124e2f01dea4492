"""A password reset through a node's config folder alone, where the node speaks HTTPS with a certificate of its own authority."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from pytest_django import Settings

from accounts.services.client.setup_problems import OTHER_FINGERPRINT
from local_cluster import Cluster, basic
from local_cluster.node import render_settings
from tests.support.cast import PASSWORD
from tests.support.certificates import Identity, make
from tests.support.nodes import SETTINGS
from tests.support.reset_password import Ended, Run, in_process, manage

TLS = "xpack.security.http.ssl"
STORE_PASSWORD = "only-for-this-store"
PEM = {f"{TLS}.key": "certs/node.key", f"{TLS}.certificate": "certs/node.crt", f"{TLS}.certificate_authorities": "certs/ca.crt"}
# The password belongs into elasticsearch.keystore, which the assembled node does not read.
PKCS12 = {f"{TLS}.keystore.path": "certs/http.p12", f"{TLS}.keystore.password": STORE_PASSWORD}
# What elasticsearch-keystore does, with Elasticsearch's own class; arguments would be in the list of processes.
MAKE_KEYSTORE = """
public class MakeKeystore {
    public static void main(String[] arguments) throws Exception {
        org.elasticsearch.common.logging.LogConfigurator.configureESLogging();
        var keystore = org.elasticsearch.common.settings.KeyStoreWrapper.create();
        keystore.setString(arguments[1], new String(System.in.readAllBytes()).toCharArray());
        keystore.save(java.nio.file.Path.of(arguments[0]), new char[0]);
    }
}
"""


@pytest.fixture(scope="module")
def authority() -> Identity:
    return make("authority", is_authority=True)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, authority: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node with those settings, and all files that any settings name."""
    folder, identity = tmp_path_factory.mktemp("tls"), make("node", by=authority)
    certs = folder / "node-1/config/certs"
    certs.mkdir(parents=True)
    (certs / "ca.crt").write_bytes(authority.pem)
    (certs / "node.crt").write_bytes(identity.pem)
    (certs / "node.key").write_bytes(identity.key_pem)
    (certs / "http.p12").write_bytes(identity.p12(STORE_PASSWORD, authority.certificate))
    settings = {**SETTINGS, f"{TLS}.enabled": "true", **request.param}
    with Cluster(folder, settings=settings, ca_certs=certs / "ca.crt") as cluster:
        for name in ("users", "users_roles"):
            (config(cluster) / name).touch()
        yield cluster


@pytest.fixture
def described(cluster: Cluster) -> Iterator[Callable[[dict[str, str]], None]]:
    """Describe the running node in other words; it reads its settings when it starts, and the command each time."""
    yml = config(cluster) / "elasticsearch.yml"
    before = yml.read_text()

    def describe(tls: dict[str, str]) -> None:
        plain = {name: value for name, value in cluster.nodes[0].settings.items() if not name.startswith(f"{TLS}.")}
        yml.write_text(render_settings({**plain, f"{TLS}.enabled": "true", **tls}))

    yield describe
    yml.write_text(before)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Run:
    """The command in this process, without credentials and where the product was never set up."""
    monkeypatch.delenv("ELASTICSEARCH_PASSWORD", raising=False)
    settings.ELASTICSEARCH_API_KEY = settings.ELASTICSEARCH_CA_CERTS = ""
    settings.ELASTICSEARCH_VERIFY_HOSTNAME = True
    return in_process(monkeypatch)


def config(cluster: Cluster) -> Path:
    return cluster.nodes[0].home / "config"


def signs_in(cluster: Cluster, username: str, password: str) -> bool:
    client = cluster.client().options(basic_auth=basic(username, password), ignore_status=401)
    return client.security.authenticate().meta.status == 200


def put_user(cluster: Cluster, username: str) -> None:
    cluster.client().security.put_user(username=username, password=PASSWORD, roles=[])


def reset(cluster: Cluster, run: Run, username: str) -> None:
    put_user(cluster, username)
    ended = run("-u", username, "-b", "-s", "-f", "--es-path-conf", str(config(cluster)))
    assert (ended.code, ended.err) == (0, "")
    assert signs_in(cluster, username, ended.out.removesuffix("\n"))


def make_keystore(cluster: Cluster, name: str, secret: str, folder: Path) -> None:
    source, node = folder / "MakeKeystore.java", cluster.nodes[0]
    source.write_text(MAKE_KEYSTORE)
    command = [str(node.jdk.java), "-cp", f"{node.build / 'lib'}/*", str(source), str(config(cluster)), name]
    subprocess.run(command, input=secret.encode(), capture_output=True, check=True)


@pytest.mark.parametrize("cluster", [PEM, PKCS12], ids=["PEM", "PKCS12"], indirect=True)
def test_elastic_password_recovery_over_https(cluster: Cluster) -> None:
    ended = manage(
        *("-u", "elastic", "-b", "-s", "-f", "--es-path-conf", str(config(cluster))), ELASTICSEARCH_HOSTS="http://127.0.0.1:1"
    )
    assert (ended.code, ended.err) == (0, "")
    recovered = basic("elastic", ended.out.removesuffix("\n"))
    cluster.client().options(basic_auth=recovered).security.change_password(username="elastic", password=cluster.password)


@pytest.mark.parametrize("cluster", [PKCS12], ids=["PKCS12"], indirect=True)
class TestOneNode:
    """One node is enough for these: what differs is what the command reads."""

    def test_node_certificate_without_ca_is_enough(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None]
    ) -> None:
        described({f"{TLS}.key": "certs/node.key", f"{TLS}.certificate": "certs/node.crt"})
        reset(cluster, run, "tls-leaf")

    def test_ca_without_node_certificate_is_enough(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None], tmp_path: Path, authority: Identity
    ) -> None:
        """As for a node whose key is somewhere else; and what cannot be read does not matter then."""
        (tmp_path / "truststore.p12").write_bytes(make("other").p12(STORE_PASSWORD, authority.certificate))
        truststore = {f"{TLS}.truststore.path": str(tmp_path / "truststore.p12"), f"{TLS}.truststore.password": STORE_PASSWORD}
        described({f"{TLS}.keystore.path": "certs/missing.jks", **truststore})
        reset(cluster, run, "tls-truststore")

    def test_the_authority_that_a_node_made_for_itself(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None]
    ) -> None:
        described({f"{TLS}.keystore.path": "certs/http.p12"})  # its password is nowhere
        made_at_first_start = config(cluster) / "certs/http_ca.crt"
        made_at_first_start.write_bytes((config(cluster) / "certs/ca.crt").read_bytes())
        try:
            reset(cluster, run, "tls-http-ca")
        finally:
            made_at_first_start.unlink()

    def test_the_stores_password_is_in_the_secure_settings(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None], tmp_path: Path
    ) -> None:
        described({f"{TLS}.keystore.path": "certs/http.p12"})
        make_keystore(cluster, f"{TLS}.keystore.secure_password", STORE_PASSWORD, tmp_path)
        try:
            reset(cluster, run, "tls-secure")
        finally:
            (config(cluster) / "elasticsearch.keystore").unlink()

    def test_fingerprint_instead_of_the_files(
        self,
        cluster: Cluster,
        run: Run,
        described: Callable[[dict[str, str]], None],
        settings: Settings,
        authority: Identity,
    ) -> None:
        described({f"{TLS}.keystore.path": "certs/http.p12"})  # its password is nowhere
        settings.ELASTICSEARCH_CA_FINGERPRINT = authority.certificate.fingerprint(SHA256()).hex()
        reset(cluster, run, "tls-fingerprint")

    def test_fingerprint_excludes_the_authorities_of_the_node(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None], settings: Settings
    ) -> None:
        described({f"{TLS}.certificate_authorities": "certs/ca.crt"})
        settings.ELASTICSEARCH_CA_FINGERPRINT = "ab" * 32
        ended = run("-u", "nobody", "-b", "--es-path-conf", str(config(cluster)))
        assert (ended.code, OTHER_FINGERPRINT in ended.err) == (69, True)

    def test_unreadable_certificates_are_reported(
        self, cluster: Cluster, run: Run, described: Callable[[dict[str, str]], None]
    ) -> None:
        described({f"{TLS}.keystore.path": "certs/http.p12"})
        ended = run("-u", "nobody", "-b", "-v", "--es-path-conf", str(config(cluster)))
        assert (ended.code, "certificate" in ended.err.partition("isn't responding: ")[2]) == (69, True)
        assert f"Couldn't load certificates from {config(cluster) / 'certs/http.p12'}: " in ended.out
        assert STORE_PASSWORD not in ended.out + ended.err

    @pytest.mark.parametrize("store", [PEM, PKCS12], ids=["PEM", "PKCS12"])
    @pytest.mark.parametrize("configured", ["CA", "fingerprint", ""])
    def test_own_certificate_needs_no_matching_name(
        self,
        cluster: Cluster,
        run: Run,
        described: Callable[[dict[str, str]], None],
        settings: Settings,
        store: dict[str, str],
        configured: str,
    ) -> None:
        """The certificate is for 127.0.0.1."""
        described(store)
        settings.ELASTICSEARCH_CA_CERTS = str(config(cluster) / "certs/ca.crt") if configured == "CA" else ""
        settings.ELASTICSEARCH_CA_FINGERPRINT = "ab" * 32 if configured == "fingerprint" else ""
        put_user(cluster, "tls-name")
        url = cluster.urls[0].replace("127.0.0.1", "localhost")
        ended = run("-u", "tls-name", "-b", "-s", "-f", "--url", url, "--es-path-conf", str(config(cluster)))
        assert (ended.code, ended.err) == (0, "")
        assert signs_in(cluster, "tls-name", ended.out.removesuffix("\n"))

    def test_other_certificate_of_the_same_ca_needs_a_matching_name(
        self, cluster: Cluster, run: Run, tmp_path: Path, authority: Identity
    ) -> None:
        ended, heard = reset_at_other_process(cluster, run, make("other", by=authority), tmp_path, host="localhost")
        assert (ended.code, "isn't responding: " in ended.err) == (69, True)
        assert heard == {b""}

    def test_other_process_on_the_port_is_not_trusted(self, cluster: Cluster, run: Run, tmp_path: Path) -> None:
        """Another user of the machine may listen there while the node is down, with a certificate for the same address."""
        impostor = make("node", by=make("authority", is_authority=True))
        ended, heard = reset_at_other_process(cluster, run, impostor, tmp_path, host="127.0.0.1")
        assert (ended.code, "certificate" in ended.err.partition("isn't responding: ")[2]) == (69, True)
        assert heard == {b""}
        assert [(config(cluster) / name).read_bytes() for name in ("users", "users_roles")] == [b"", b""]


def reset_at_other_process(cluster: Cluster, run: Run, other: Identity, folder: Path, host: str) -> tuple[Ended, set[bytes]]:
    """How the command ended, and what it said to the process that answers with this identity."""
    (folder / "both.pem").write_bytes(other.key_pem + other.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, args=(server, context, heard))
        thread.start()
        url = f"https://{host}:{server.getsockname()[1]}"
        ended = run("-u", "nobody", "-b", "--url", url, "--es-path-conf", str(config(cluster)))
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    return ended, set(heard)


def listen(server: socket.socket, context: ssl.SSLContext, heard: list[bytes]) -> None:
    """Note what each caller says once the line is encrypted."""
    while True:
        try:
            line = server.accept()[0]
        except OSError:
            return
        try:
            with context.wrap_socket(line, server_side=True) as encrypted:
                heard.append(encrypted.recv(65536))
        except OSError:  # they do not trust us
            heard.append(b"")
