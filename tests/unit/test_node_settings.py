from pathlib import Path

import pytest

from accounts.services.local_node import settings as node_settings

TLS = "xpack.security.http.ssl"


@pytest.mark.parametrize(
    ("yml", "url"),
    [
        ("", "http://localhost:9200"),
        ("network.host: 0.0.0.0", "http://localhost:9200"),
        ("network.host: _site_\nhttp.port: 9201-9300", "http://localhost:9201"),
        ("network.host: 192.0.2.7\nhttp.port: 9201", "http://192.0.2.7:9201"),
        ("network:\n  host: [192.0.2.7, _local_]", "http://192.0.2.7:9200"),
        ("network.host: 192.0.2.7\nhttp.host: '::1'", "http://[::1]:9200"),
        (f"{TLS}:\n  enabled: true\n  keystore.path: certs/http.p12", "https://localhost:9200"),
        (f"{TLS}.enabled: true\nhttp.publish_host: es1.example.org", "https://es1.example.org:9200"),
    ],
)
def test_where_the_node_answers(tmp_path: Path, yml: str, url: str) -> None:
    (tmp_path / "elasticsearch.yml").write_text(yml)
    assert node_settings.url(node_settings.read(tmp_path, {})) == url


def test_an_override_counts_more(tmp_path: Path) -> None:
    (tmp_path / "elasticsearch.yml").write_text("http:\n  port: 9201\n")
    assert node_settings.read(tmp_path, {"http.port": "9202"}) == {"http.port": "9202"}


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ({}, True),
        ({"xpack.security.authc.realms.file.file1.order": "0"}, True),
        ({"xpack.security.authc.realms.file.file1.enabled": "False"}, False),
        ({"xpack.security.authc.realms.native.native1.enabled": "false"}, True),
    ],
)
def test_whether_there_is_a_file_realm(settings: dict[str, str], there: bool) -> None:
    assert node_settings.has_file_realm(settings) is there


@pytest.mark.parametrize("yml", [None, b"a: [", b"\xff"])
def test_unreadable_settings_are_reported(tmp_path: Path, yml: bytes | None) -> None:
    if yml is not None:
        (tmp_path / "elasticsearch.yml").write_bytes(yml)
    with pytest.raises(node_settings.NodeSettingsError, match=r"elasticsearch\.yml"):
        node_settings.read(tmp_path, {})


def test_the_authority_that_a_node_made_for_itself(tmp_path: Path) -> None:
    assert node_settings.authority(tmp_path) == ""
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/http_ca.crt").touch()
    assert node_settings.authority(tmp_path) == str(tmp_path / "certs/http_ca.crt")
