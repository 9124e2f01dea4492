import socket
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
    assert node_settings.url(node_settings.read(tmp_path, {}, {})) == url


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"http.port": "9202"}, "http://localhost:9202"),
        ({"ES_SETTING_HTTP_PORT": "9202"}, "http://localhost:9202"),
        ({f"{TLS}.enabled": "true"}, "https://localhost:9201"),
        ({"ES_SETTING_XPACK_SECURITY_HTTP_SSL_ENABLED": "true"}, "https://localhost:9201"),
        ({"ES_SETTING_HTTP_PUBLISH__HOST": "192.0.2.7"}, "http://192.0.2.7:9201"),
        ({"http.publish_host": "${ES_BIND}", "ES_BIND": "192.0.2.7"}, "http://192.0.2.7:9201"),
        ({"HTTP_PORT": "9202", "http_port": "9202", "port": "9202"}, "http://localhost:9201"),
    ],
)
def test_settings_of_a_container(tmp_path: Path, environment: dict[str, str], url: str) -> None:
    (tmp_path / "elasticsearch.yml").write_text("http.port: 9201")
    assert node_settings.url(node_settings.read(tmp_path, {}, environment)) == url


@pytest.mark.parametrize(
    ("yml", "url"),
    [
        ("network.host: ${ES_BIND}", "http://192.0.2.7:9200"),
        ("network.host: [ '${ES_BIND}', _local_ ]", "http://192.0.2.7:9200"),
        ("network.host: ${NODE_ADDRESS:192.0.2.8}", "http://192.0.2.8:9200"),
        ("network.host: ${NODE_ADDRESS:${ES_BIND}}", "http://192.0.2.7:9200"),
        ("network.host: ${NODE_ADDRESS:}", "http://localhost:9200"),
        ("network.host: ${ES_BIND:192.0.2.8}\nhttp.port: 9${DIGITS}1", "http://192.0.2.8:9201"),
        ("network.host: ${cluster.name}.example.org\ncluster.name: c1", "http://c1.example.org:9200"),
        (f"network.host: ${{HOSTNAME}}\nnode.name: ${{NOT_OURS}}\n{TLS}.key_passphrase: ${{NOT_OURS}}", "http://this-host:9200"),
        ("http.host: ${ES_BIND}\nnetwork.host: ${NOT_OURS}", "http://192.0.2.7:9200"),
    ],
)
def test_placeholders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yml: str, url: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "this-host")
    (tmp_path / "elasticsearch.yml").write_text(yml)
    assert node_settings.url(node_settings.read(tmp_path, {}, {"ES_BIND": "192.0.2.7", "DIGITS": "20"})) == url


@pytest.mark.parametrize(
    ("yml", "words"),
    [
        ("network.host: ${ES_BIND}", r"\[network\.host\].*\$\{ES_BIND\}, which is not set"),
        ("network.host: ${A:${ES_BIND}}", r"\$\{ES_BIND\}, which is not set"),
        ("network.host: ${network.host}", "refers to itself"),
        ("http.port: no", r"\[http\.port\].*not a port"),
    ],
)
def test_settings_without_a_value_are_named(tmp_path: Path, yml: str, words: str) -> None:
    (tmp_path / "elasticsearch.yml").write_text(yml)
    with pytest.raises(node_settings.NodeSettingsError, match=words):
        node_settings.url(node_settings.read(tmp_path, {}, {}))


def test_an_override_counts_more(tmp_path: Path) -> None:
    (tmp_path / "elasticsearch.yml").write_text("http:\n  port: 9201\n")
    assert node_settings.read(tmp_path, {"http.port": "9202"}, {"http.port": "9203"}) == {"http.port": "9202"}


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
        node_settings.read(tmp_path, {}, {})


def test_the_authority_that_a_node_made_for_itself(tmp_path: Path) -> None:
    assert node_settings.authority(tmp_path) == ""
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/http_ca.crt").touch()
    assert node_settings.authority(tmp_path) == str(tmp_path / "certs/http_ca.crt")
