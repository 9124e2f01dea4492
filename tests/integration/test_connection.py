"""Real ways to a real node: over TLS with one's own authority, and around a host that is down."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.services import errors
from accounts.services.client import PersonClient
from tests.support.cast import PASSWORD
from tests.support.certificates import make
from tests.support.nodes import TestNode
from tests.support.tunnel import tunnel


@pytest.fixture
def tls(node: TestNode, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    identity, certificate = make("node", is_authority=True), tmp_path / "certificate.pem"
    certificate.write_bytes(identity.pem)
    with tunnel(node.url, tmp_path, identity) as url:
        yield url, certificate


def test_https_with_its_own_authority(tls: tuple[str, Path], settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_CA_CERTS = [tls[0]], str(tls[1])
    assert PersonClient("ada", PASSWORD).authenticate()["username"] == "ada"


def test_unnamed_ca_is_not_trusted(tls: tuple[str, Path], settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = [tls[0]]
    with pytest.raises(errors.Unavailable, match=r"(?i)certificate"):
        PersonClient("ada", PASSWORD).authenticate()
    with pytest.raises(errors.TlsMismatch, match=r"(?i)certificate"):
        PersonClient("ada", PASSWORD).put_user(username="jdoe", roles=[])


def test_a_host_that_is_down_is_missing_around(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1", node.url, "http://127.0.0.1:2"]
    ada = PersonClient("ada", PASSWORD)
    for name in ("one", "two", "three"):
        assert ada.authenticate()["username"] == "ada"
        assert ada.put_user(username=name, password=PASSWORD, roles=[])["created"], "a change that never left is no lost change"


@pytest.mark.parametrize("name", ["\ud800", "\N{GRINNING FACE}", 2**70])
def test_query_accepts_unusual_json_values(node: TestNode, name: object) -> None:
    found = PersonClient("ada", PASSWORD).query_user(query={"bool": {"must_not": [{"term": {"username": name}}]}})
    assert found["total"] == PersonClient("ada", PASSWORD).query_user()["total"]
