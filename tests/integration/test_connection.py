"""Real ways to a real node: over TLS with one's own authority, and around a host that is down."""

import datetime
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from accounts.services import errors
from accounts.services.connection import Person
from tests.conftest import PASSWORD, TestNode


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem", folder / "key.pem"


class Tunnel(socketserver.ThreadingTCPServer):
    """Ends TLS in front of the node."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int]) -> None:
        self.context, self.target = context, target
        super().__init__(("127.0.0.1", 0), Pipe)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.socket.getsockname()[1]}"


class Pipe(socketserver.BaseRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        try:
            outside = self.server.context.wrap_socket(self.request, server_side=True)
        except ssl.SSLError:  # the other side does not trust us
            return
        with outside, socket.create_connection(self.server.target) as inside:
            threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
            copy(outside, inside)


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


@pytest.fixture
def tls(node: TestNode, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    target = urlsplit(node.url)
    with Tunnel(context, (str(target.hostname), int(target.port or 0))) as tunnel:
        threading.Thread(target=tunnel.serve_forever, daemon=True).start()
        yield tunnel.url, certificate
        tunnel.shutdown()


def test_https_with_its_own_authority(tls: tuple[str, Path], settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_CA_CERTS = [tls[0]], str(tls[1])
    assert Person("ada", PASSWORD).authenticate()["username"] == "ada"


def test_an_authority_that_nobody_named_is_not_trusted(tls: tuple[str, Path], settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = [tls[0]]
    with pytest.raises(errors.Unavailable, match=r"(?i)certificate"):
        Person("ada", PASSWORD).authenticate()


def test_a_host_that_is_down_is_gone_around(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1", node.url, "http://127.0.0.1:2"]
    ada = Person("ada", PASSWORD)
    for name in ("one", "two", "three"):
        assert ada.authenticate()["username"] == "ada"
        assert ada.put_user(username=name, password=PASSWORD, roles=[])["created"], "a change that never left is no lost change"
