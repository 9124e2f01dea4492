"""TLS to a real node, for reads (libcurl) and writes (urllib3): which certificates are accepted, and what is said about others."""

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from pytest_django import Settings

from accounts.services import errors
from accounts.services.client import PersonClient, setup_problems
from local_cluster.ports import free_ports
from tests.support.cast import PASSWORD
from tests.support.certificates import Identity, make
from tests.support.nginx import nginx
from tests.support.nodes import TestNode
from tests.support.tunnel import tunnel

Open = Callable[..., AbstractContextManager[str]]
ATTEMPTS = 5  # a refusal is the same whichever side is faster


@pytest.fixture(scope="module")
def ca() -> Identity:
    return make("authority", is_authority=True)


@pytest.fixture(scope="module")
def other_ca() -> Identity:
    return make("other", is_authority=True)


@pytest.fixture
def opened(node: TestNode, tmp_path: Path) -> Open:
    return partial(tunnel, node.url, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Write PEM files."""

    def write(name: str, *contents: bytes) -> str:
        (tmp_path / name).write_bytes(b"".join(contents))
        return str(tmp_path / name)

    return write


@pytest.fixture
def client_certificate(settings: Settings, file: Callable[..., str]) -> Callable[[Identity], None]:
    def use(identity: Identity) -> None:
        name = identity.certificate.serial_number
        settings.ELASTICSEARCH_CLIENT_CERTFILE = file(f"{name}.crt", identity.pem)
        settings.ELASTICSEARCH_CLIENT_KEYFILE = file(f"{name}.key", identity.key_pem)

    return use


def fingerprint(identity: Identity) -> str:
    return identity.certificate.fingerprint(SHA256()).hex()


def read() -> Any:
    return PersonClient("ada", PASSWORD).authenticate()["username"]


def write(username: str = "jdoe") -> Any:
    return PersonClient("ada", PASSWORD).put_user(username=username, password=PASSWORD, roles=[], refresh="true")["created"]


def assert_works() -> None:
    assert read() == "ada"
    assert write()
    PersonClient("ada", PASSWORD).delete_user(username="jdoe")


@pytest.fixture
def refused(node: TestNode, settings: Settings) -> Callable[[str], None]:
    """Check that reads and writes fail with this problem, that nothing was changed, and that another host takes over."""

    def check(problem: str) -> None:
        hosts = settings.ELASTICSEARCH_HOSTS
        for call in (read, write) * ATTEMPTS:
            with pytest.raises(errors.TlsMismatch) as raised:
                call()
            assert raised.value.problem == problem, raised.value
        assert node.user("jdoe") is None
        settings.ELASTICSEARCH_HOSTS = [*hosts, node.url]
        for _ in range(2):
            assert_works()
        settings.ELASTICSEARCH_HOSTS = hosts

    return check


Refused = Callable[[str], None]


def test_several_authorities_in_one_file(
    opened: Open, settings: Settings, file: Callable[..., str], ca: Identity, other_ca: Identity, refused: Refused
) -> None:
    settings.ELASTICSEARCH_CA_CERTS = file("cas.pem", ca.pem, other_ca.pem)
    for each in (ca, other_ca):
        with opened(make("node", by=each)) as url:
            settings.ELASTICSEARCH_HOSTS = [url]
            assert_works()
    with opened(make("node", by=make("unknown", is_authority=True))) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        refused(setup_problems.UNTRUSTED)


def test_hosts_with_and_without_tls(
    node: TestNode, opened: Open, settings: Settings, file: Callable[..., str], ca: Identity
) -> None:
    settings.ELASTICSEARCH_CA_CERTS = file("ca.pem", ca.pem)
    with opened(make("node", by=ca)) as url:
        settings.ELASTICSEARCH_HOSTS = [url, node.url]
        for _ in range(2):
            assert_works()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2], ids=lambda version: version.name)
def test_client_certificate(
    opened: Open,
    settings: Settings,
    file: Callable[..., str],
    client_certificate: Callable[[Identity], None],
    refused: Refused,
    ca: Identity,
    other_ca: Identity,
    newest: ssl.TLSVersion,
) -> None:
    settings.ELASTICSEARCH_CA_CERTS = file("ca.pem", ca.pem)
    with opened(make("node", by=ca), client_ca=other_ca, newest=newest) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        # TLS 1.2 has no alert that says more.
        is_clear = newest == ssl.TLSVersion.TLSv1_3
        refused(setup_problems.CLIENT_CERTIFICATE if is_clear else setup_problems.HANDSHAKE_REFUSED)
        client_certificate(make("usermgmt", by=ca))
        refused(setup_problems.CLIENT_CERTIFICATE)
        client_certificate(make("usermgmt", by=other_ca))
        assert_works()


NGINX = """
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate usermgmt.pem;
        ssl_certificate_key usermgmt.pem;
        ssl_client_certificate {client_ca};
        ssl_verify_client on;
        location / {{ proxy_pass {node}; }}
    }}
"""


def test_client_certificate_for_nginx(
    node: TestNode,
    settings: Settings,
    tmp_path: Path,
    file: Callable[..., str],
    client_certificate: Callable[[Identity], None],
    ca: Identity,
    other_ca: Identity,
) -> None:
    """It answers with a page instead of ending the connection."""
    [port] = free_ports(1)
    server = NGINX.format(port=port, node=node.url, client_ca=file("ca.pem", ca.pem))
    with nginx(tmp_path, port, server):
        settings.ELASTICSEARCH_HOSTS = [f"https://127.0.0.1:{port}"]
        settings.ELASTICSEARCH_CA_CERTS = str(tmp_path / "usermgmt.pem")
        for wrong in (None, make("usermgmt", by=other_ca)):
            if wrong:
                client_certificate(wrong)
            for call in (read, write):
                with pytest.raises(errors.UnsupportedCluster) as refused:
                    call()
                assert refused.value.problem == setup_problems.CLIENT_CERTIFICATE
        client_certificate(make("usermgmt", by=ca))
        assert_works()


def test_renewed_client_certificate_is_used_without_a_restart(
    opened: Open,
    settings: Settings,
    file: Callable[..., str],
    client_certificate: Callable[[Identity], None],
    refused: Refused,
    ca: Identity,
) -> None:
    settings.ELASTICSEARCH_CA_CERTS = file("ca.pem", ca.pem)
    with opened(make("node", by=ca), client_ca=ca) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        first, second = make("usermgmt", by=ca), make("usermgmt", by=ca)
        client_certificate(first)
        certfile, keyfile = Path(settings.ELASTICSEARCH_CLIENT_CERTFILE), Path(settings.ELASTICSEARCH_CLIENT_KEYFILE)
        keyfile.unlink()
        refused(setup_problems.FILE_CHANGED)
        keyfile.write_bytes(second.key_pem)
        refused(setup_problems.FILE_CHANGED)
        certfile.write_bytes(second.pem)
        assert_works()


def test_vanished_file_of_authorities(
    opened: Open, settings: Settings, file: Callable[..., str], ca: Identity, refused: Refused
) -> None:
    settings.ELASTICSEARCH_CA_CERTS = file("ca.pem", ca.pem)
    Path(settings.ELASTICSEARCH_CA_CERTS).unlink()
    with opened(make("node", by=ca)) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        refused(setup_problems.FILE_CHANGED)


def test_certificate_with_another_name(
    opened: Open, settings: Settings, file: Callable[..., str], ca: Identity, other_ca: Identity, refused: Refused
) -> None:
    """The certificates are for 127.0.0.1."""
    settings.ELASTICSEARCH_CA_CERTS = file("ca.pem", ca.pem)
    with opened(make("node", by=ca)) as url, opened(make("node", by=other_ca)) as untrusted:
        settings.ELASTICSEARCH_HOSTS = [url.replace("127.0.0.1", "localhost")]
        refused(setup_problems.UNTRUSTED)
        settings.ELASTICSEARCH_VERIFY_HOSTNAME = False
        assert_works()
        settings.ELASTICSEARCH_HOSTS = [untrusted]
        refused(setup_problems.UNTRUSTED)


@pytest.fixture
def pinned(settings: Settings) -> Identity:
    """A CA of which only the fingerprint is known, and which this process hasn't seen."""
    new = make("authority", is_authority=True)
    settings.ELASTICSEARCH_CA_FINGERPRINT = fingerprint(new)
    return new


def test_fingerprint_of_the_authority(opened: Open, settings: Settings, pinned: Identity, refused: Refused) -> None:
    with opened(make("node", by=pinned), pinned) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        assert_works()
        settings.ELASTICSEARCH_HOSTS = [url.replace("127.0.0.1", "localhost")]
        refused(setup_problems.UNTRUSTED)
        settings.ELASTICSEARCH_VERIFY_HOSTNAME = False
        assert_works()


@pytest.mark.parametrize("call", [read, write])
def test_fingerprint_is_looked_for_by_whatever_comes_first(
    node: TestNode, opened: Open, settings: Settings, pinned: Identity, call: Callable[[], Any]
) -> None:
    with opened(make("node", by=pinned), pinned) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        assert call()
        assert_works() if call is read else read()


def test_other_fingerprint(opened: Open, settings: Settings, pinned: Identity, other_ca: Identity, refused: Refused) -> None:
    with opened(make("node", by=other_ca), other_ca) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        refused(setup_problems.OTHER_FINGERPRINT)


@pytest.mark.parametrize("is_known", [False, True], ids=["new process", "known authority"])
def test_forged_certificate_with_the_right_authority_behind_it(
    opened: Open, settings: Settings, pinned: Identity, refused: Refused, is_known: bool
) -> None:
    """Everybody can send the certificate of the CA, and write its name into their own."""
    if is_known:
        with opened(make("node", by=pinned), pinned) as url:
            settings.ELASTICSEARCH_HOSTS = [url]
            assert_works()
    forger = Identity(pinned.certificate, make("forger", is_authority=True).key)
    for chain in ([make("node", by=forger), pinned], [make("node", is_authority=True), pinned]):
        with opened(*chain) as url:
            settings.ELASTICSEARCH_HOSTS = [url]
            refused(setup_problems.UNTRUSTED)


def test_node_that_does_not_send_its_authority(opened: Open, settings: Settings, pinned: Identity, refused: Refused) -> None:
    with opened(make("node", by=pinned)) as short, opened(make("node", by=pinned), pinned) as whole:
        settings.ELASTICSEARCH_HOSTS = [short]
        refused(setup_problems.OTHER_FINGERPRINT)
        settings.ELASTICSEARCH_HOSTS = [whole]
        assert_works()
        settings.ELASTICSEARCH_HOSTS = [short]
        assert_works()


def test_fingerprint_while_the_node_is_down(node: TestNode, opened: Open, settings: Settings, pinned: Identity) -> None:
    [port] = free_ports(1)
    settings.ELASTICSEARCH_HOSTS = [f"https://127.0.0.1:{port}"]
    with pytest.raises(errors.Unavailable) as failed:
        read()
    assert not isinstance(failed.value, errors.TlsMismatch)
    with pytest.raises(errors.Unreachable):
        write()
    settings.ELASTICSEARCH_HOSTS = [f"https://127.0.0.1:{port}", node.url]
    for _ in range(2):
        assert_works()
    settings.ELASTICSEARCH_HOSTS = [f"https://127.0.0.1:{port}"]
    with opened(make("node", by=pinned), pinned, port=port):
        assert_works()


def test_new_authority_needs_a_new_fingerprint(
    opened: Open, settings: Settings, pinned: Identity, other_ca: Identity, refused: Refused
) -> None:
    [port] = free_ports(1)
    settings.ELASTICSEARCH_HOSTS = [f"https://127.0.0.1:{port}"]
    with opened(make("node", by=pinned), pinned, port=port):
        assert_works()
    with opened(make("node", by=other_ca), other_ca, port=port):
        refused(setup_problems.UNTRUSTED)
        settings.ELASTICSEARCH_CA_FINGERPRINT = fingerprint(other_ca)
        assert_works()


def test_fingerprint_and_client_certificate(
    opened: Open, settings: Settings, pinned: Identity, client_certificate: Callable[[Identity], None], refused: Refused
) -> None:
    with opened(make("node", by=pinned), pinned, client_ca=pinned, newest=ssl.TLSVersion.TLSv1_2) as url:
        settings.ELASTICSEARCH_HOSTS = [url]
        refused(setup_problems.HANDSHAKE_REFUSED)
        client_certificate(make("usermgmt", by=pinned))
        assert_works()
