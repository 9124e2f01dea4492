"""In whatever form hosts and secrets are written: what is accepted works, what isn't names its variable, and no secret is shown."""

import ssl
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from elasticsearch import Elasticsearch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import accounts.urls
from accounts.services.client.curl_node import CurlNode
from tests.support import certificates
from usermgmt import configuration, env_file, tls
from usermgmt.configuration import Environment, node_urls

CANARY = "canary"
PATIENT = settings(database=None)
NO_FILE = Path("/nonexistent/env")

names = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,5}){0,2}", fullmatch=True)
addresses = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]")
nodes = st.tuples(st.sampled_from(["http", "https"]), names | addresses, st.none() | st.integers(1, 65535))
blanks = st.text(" \t", max_size=2)
# Without what ends a line of a file.
line = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)
passwords = st.builds("{}{}{}".format, line, st.just(CANARY), line)


def read_hosts(text: str) -> list[str]:
    return Environment({"ELASTICSEARCH_HOSTS": text}, NO_FILE).parsed("ELASTICSEARCH_HOSTS", node_urls)


def refusal(read: Callable[[], object]) -> str:
    """The message and the traceback that a person could see."""
    with pytest.raises(ImproperlyConfigured) as failed:
        read()
    return f"{failed.value}\n{''.join(traceback.format_exception(failed.value))}"


@st.composite
def written(draw: st.DrawFn) -> tuple[list[str], str]:
    """The URLs of nodes, and a list of them as people write it: with blanks, slashes, capital letters, and repetitions."""
    chosen = draw(st.lists(nodes, min_size=1, max_size=3))
    urls = [f"{scheme}://{host}:{port or {'http': 9200, 'https': 443}[scheme]}" for scheme, host, port in chosen]
    items = [""]
    for scheme, host, port in [*chosen, draw(st.sampled_from(chosen))]:
        case = draw(st.sampled_from([str.lower, str.upper, str.title]))
        shown = f"{case(scheme)}://{host.upper() if draw(st.booleans()) else host}" + (f":{port}" if port else "")
        items.append(f"{draw(blanks)}{shown}{draw(st.sampled_from(['', '/']))}{draw(blanks)}")
    return list(dict.fromkeys(urls)), ",".join(items)


def test_hosts_below_a_path() -> None:
    assert read_hosts("https://gw.example.org/es/") == ["https://gw.example.org:443/es"]


@PATIENT
@given(written())
def test_accepted_hosts_work(case: tuple[list[str], str]) -> None:
    urls, text = case
    assert read_hosts(text) == urls
    client = Elasticsearch(urls, node_class=CurlNode)
    found = [f"{node.config.scheme}://{node.config.host}:{node.config.port}" for node in client.transport.node_pool.all()]
    assert sorted(found) == sorted(url.replace("[", "").replace("]", "") for url in urls)


@PATIENT
@given(passwords, line, names, st.sampled_from(["http://", "https://", "HTTP://", "http:/", "//", ""]))
@example("p,canary", "elastic", "es1", "http://")
@example("p/canary", "elastic", "es1", "http://")
@example("$canary", "", "es1", "http://")
def test_credentials_in_hosts_are_refused(password: str, username: str, host: str, scheme: str) -> None:
    for text in (f"{scheme}{username}:{password}@{host}:9200", f"https://es1:9200,{scheme}{username}:{password}@{host}"):
        shown = refusal(lambda text=text: read_hosts(text))  # type: ignore[misc]
        assert shown.startswith("ELASTICSEARCH_HOSTS must not contain a username or password")
        assert "ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD" in shown
        assert CANARY not in shown


@PATIENT
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["", "http://", "https://es1:"]))
def test_hosts_are_a_client_or_a_message(before: str, after: str, start: str) -> None:
    text = f"{start}{before}{CANARY}{after}"
    try:
        Elasticsearch(read_hosts(text), node_class=CurlNode)
    except ImproperlyConfigured:
        shown = refusal(lambda: read_hosts(text))
        assert shown.startswith("ELASTICSEARCH_HOSTS ")
        assert CANARY not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "es1:9200",
        "es1",
        "ftp://es1:9200",
        "http://",
        "http://:9200",
        "http://es1:0",
        "http://es1:65536",
        "http://es1:port",
        "http://es1:9200/a path",
        "http://es1:9200/a//b",
        "http://es1:9200?pretty",
        "http://es1:9200#top",
        "http://es1:9200 http://es2:9200",
        "http://es1:9200;http://es2:9200",
        '["http://es1:9200"]',
        '"http://es1:9200"',
        "http://::1:9200",
        "http://[::1:9200",
        "http://[es1]:9200",
        "http://es 1:9200",
        "http://bücher:9200",
    ],
)
def test_hosts_that_cant_work_are_refused(text: str) -> None:
    shown = refusal(lambda: read_hosts(text))
    assert shown.startswith("ELASTICSEARCH_HOSTS ")
    assert "https://es1.example.org:9200" in shown


def is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


@PATIENT
@given(passwords, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "'"]))
@example("$Tq8canary", True, "\r\n", "")
@example("${HOME}canary", False, "\n", "'")
def test_secrets_are_taken_as_they_are(secret: str, has_mark: bool, end: str, quote: str) -> None:
    variables = {"SECRET_KEY": secret}
    assert Environment(variables, NO_FILE).secret("SECRET_KEY") == secret
    if is_quoted(secret):
        return  # then the quotes of the file are gone, as in a shell
    content = f"FIRST=1{end}SECRET_KEY={quote}{secret}{quote}{end}# a comment{end}{end}LAST=2{end}"
    with TemporaryDirectory() as folder:
        file = Path(folder, "env")
        file.write_bytes((b"\xef\xbb\xbf" if has_mark else b"") + content.encode())
        assert env_file.read(file) == {"FIRST": "1", "SECRET_KEY": secret, "LAST": "2"}
        assert Environment({}, file).secret("SECRET_KEY") == secret
        env_file.update(file, {"LAST": "3"})
        assert env_file.read(file) == {"FIRST": "1", "SECRET_KEY": secret, "LAST": "3"}


@PATIENT
@given(passwords, st.sampled_from(["", "\n", "\r\n"]), st.sampled_from(configuration.SECRETS))
def test_secret_in_a_file_of_its_own(secret: str, end: str, name: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "secret")
        file.write_bytes((secret + end).encode())
        variables = {f"{name}_FILE": str(file)}
        assert Environment(variables, NO_FILE).secret(name) == secret
        assert Environment(variables, NO_FILE).secret(name) == secret, "a process that inherits both"
        shown = refusal(lambda: Environment({f"{name}_FILE": str(file), name: secret}, NO_FILE))
        assert shown.startswith(f"{name} and {name}_FILE must not both be set.")
        assert CANARY not in shown


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read: No such file or directory."),
        (b"", "must contain one line of text"),
        (b"\n", "must contain one line of text"),
        (b"canary\ncanary\n", "must contain one line of text"),
        (b"canary\n\n", "must contain one line of text"),
        (b"canary\0", "must contain one line of text"),
        (b"canary\xff", "must contain one line of text"),
    ],
)
def test_file_without_a_secret_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    shown = refusal(lambda: Environment({"SECRET_KEY_FILE": str(file)}, NO_FILE))
    assert shown.startswith(f"SECRET_KEY_FILE: the file {file} {problem}")
    assert CANARY not in shown


@pytest.mark.parametrize("text", ["SECRET_KEY = canary", " SECRET_KEY=canary", "SECRET_KEY: canary", "canary", 'canary"'])
def test_invalid_line_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "env"
    file.write_text(f"A=1\n\n  # a comment\n{text}\n")
    shown = refusal(lambda: env_file.read(file))
    assert shown.startswith(f"{file}, line 4 must be NAME=value")
    assert CANARY not in shown


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("SECRET_KEY=canary", encoding="utf-16")
    assert f"{file} must be saved as UTF-8." in refusal(lambda: env_file.read(file))
    assert f"{tmp_path} can't be read" in refusal(lambda: env_file.read(tmp_path))
    assert "ENV_FILE: the file /nonexistent/env doesn't exist." in refusal(lambda: Environment({"ENV_FILE": str(NO_FILE)}, file))


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (
            configuration.hostnames,
            " Users.example.org, .example.org,::1,[::1],*",
            ["users.example.org", ".example.org", "[::1]", "*"],
        ),
        (configuration.hostnames, "https://users.example.org", None),
        (configuration.hostnames, "users.example.org:443", None),
        (configuration.hostnames, "*.example.org", None),
        (
            configuration.origins,
            "https://Users.example.org/, https://users.example.org:443,http://[::1]:8000, https://*.example.org",
            ["https://users.example.org", "http://[::1]:8000", "https://*.example.org"],
        ),
        (configuration.origins, "users.example.org", None),
        (configuration.origins, "https://users.example.org/login", None),
        (configuration.keys, f"{'k' * 32}, {'$' * 40}", ["k" * 32, "$" * 40]),
        (configuration.keys, f"{'k' * 32},canary", None),
        (configuration.api_key, "$canary==", "$canary=="),
        (configuration.api_key, "canary with spaces", None),
        (configuration.api_key, "canäry", None),
        (configuration.bind_host, "::", "[::]"),
        (configuration.bind_host, "[::]", "[::]"),
        (configuration.bind_host, "::1", "[::1]"),
        (configuration.bind_host, " [::1] ", "[::1]"),
        (configuration.bind_host, "10.0.0.1", "10.0.0.1"),
        (configuration.bind_host, "unix:/run/usermgmt.sock", "unix:/run/usermgmt.sock"),
        (configuration.bind_host, "127.0.0.1:8000", None),
        (configuration.bind_host, "/run/usermgmt.sock", None),
    ],
)
def test_other_lists_and_names(parse: Callable[[str], Any], text: str, expected: object) -> None:
    environment = Environment({"NAME": text}, NO_FILE)
    if expected is None:
        shown = refusal(lambda: environment.parsed("NAME", parse))
        assert shown.startswith("NAME must be ")
        assert CANARY not in shown
    else:
        assert environment.parsed("NAME", parse) == expected


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ""), ("/", ""), ("/es-users", "/es-users"), (" /es-users/ ", "/es-users"), ("/tools/es~users.1", "/tools/es~users.1")],
)
def test_base_path(text: str, path: str) -> None:
    assert Environment({"BASE_PATH": text}, NO_FILE).parsed("BASE_PATH", configuration.base_path) == path


@pytest.mark.parametrize(
    "text",
    [
        "es-users",
        "https://example.org/es-users",
        "//example.org",
        "/es-users//a",
        "/es-users/../a",
        "/./a",
        "/es users",
        "/es-users?a=b",
        "/es%2Dusers",
        "/übersicht",
        "/users",
        "/static/a",
    ],
)
def test_base_path_that_cant_work_is_refused(text: str) -> None:
    shown = refusal(lambda: Environment({"BASE_PATH": text}, NO_FILE).parsed("BASE_PATH", configuration.base_path))
    assert shown.startswith("BASE_PATH must ")
    assert "/es-users" in shown


@pytest.mark.parametrize("text", ["ab" * 32, "AB" * 32, ":".join(["aB"] * 32), f" {'ab' * 32} "])
def test_fingerprint(text: str) -> None:
    assert Environment({"NAME": text}, NO_FILE).parsed("NAME", configuration.fingerprint) == "ab" * 32


@pytest.mark.parametrize("text", ["canary", "ab" * 31, "ab" * 33, "ab" * 20, "xy" * 32, ":", "SHA256:" + "ab" * 32])
def test_other_fingerprints_are_refused(text: str) -> None:
    shown = refusal(lambda: Environment({"NAME": text}, NO_FILE).parsed("NAME", configuration.fingerprint))
    assert shown.startswith("NAME must be the SHA-256 fingerprint of a CA certificate")
    assert CANARY not in shown


@pytest.mark.parametrize("bind", ["0.0.0.0:8000", "[::]:8000", "192.0.2.7:8000", "users.example.org:8000"])
def test_others_reach_no_server_without_encryption(bind: str) -> None:
    assert refusal(lambda: configuration.require_encryption(bind, https=False, allows_http=False)).startswith("HTTPS=false is only")
    configuration.require_encryption(bind, https=True, allows_http=False)
    configuration.require_encryption(bind, https=False, allows_http=True)


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "127.0.0.2:8000", "[::1]:8000", "localhost:8000", "unix:/run/usermgmt/socket"])
def test_this_machine_needs_no_encryption(bind: str) -> None:
    configuration.require_encryption(bind, https=False, allows_http=False)


def test_base_path_differs_from_all_own_paths() -> None:
    first_segments = {str(pattern.pattern).split("/")[0] for pattern in accounts.urls.urlpatterns} - {""}
    assert {*configuration.OWN_SEGMENTS} == first_segments | {"static"}


@pytest.mark.parametrize(
    ("require", "prefix"),
    [(configuration.require_server_certificate, "TLS"), (configuration.require_client_certificate, "ELASTICSEARCH_CLIENT")],
)
def test_certificate_and_key(tmp_path: Path, require: Callable[[str, str], None], prefix: str) -> None:
    identity, other = certificates.make("usermgmt"), certificates.make("other")
    encrypted = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary"))
    contents = {"crt": identity.pem, "key": identity.key_pem, "other": other.key_pem, "encrypted": encrypted, "text": b"canary"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "both").write_bytes(identity.key_pem + identity.pem)
    path = {name: str(tmp_path / name) for name in [*contents, "both", "missing"]} | {"": ""}

    for certificate, key in (("", ""), ("crt", "key"), ("both", "both")):
        require(path[certificate], path[key])
    assert tls.server_context(path["crt"], path["key"]).minimum_version == ssl.TLSVersion.TLSv1_2

    for certificate, key, start in (
        ("crt", "", "KEYFILE is required"),
        ("", "key", "CERTFILE is required"),
        ("missing", "key", "CERTFILE: the file"),
        ("crt", "missing", "KEYFILE: the file"),
        ("crt", "other", "CERTFILE: the file"),
        ("crt", "encrypted", "CERTFILE: the file"),
        ("text", "key", "CERTFILE: the file"),
        ("crt", "text", "CERTFILE: the file"),
    ):
        shown = refusal(partial(require, path[certificate], path[key]))
        assert shown.startswith(f"{prefix}_{start}")
        assert CANARY not in shown
