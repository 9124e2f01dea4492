"""Setting a cluster up, and what the key can and cannot do."""

import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from elasticsearch import ApiError, Elasticsearch
from pytest_django import Settings

from accounts.services.cluster import overview, own_roles, own_templates
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from tests.support.nodes import TestNode


def run(*args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("setup_cluster", *args, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def superuser(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", node.elastic_password)


def test_repeated_setup_changes_nothing(node: TestNode) -> None:
    writes = node.writes()
    lines = run().splitlines()
    assert lines
    assert {line.split(": ")[1] for line in lines} == {"unchanged"}
    assert node.writes() == writes


def test_what_is_wrong_is_mended(node: TestNode) -> None:
    node.elastic.security.put_role(name=own_roles.AUDITOR_ROLE, cluster=["all"])
    node.elastic.security.disable_user(username=own_roles.SERVICE)

    out = run()

    assert f"role {own_roles.AUDITOR_ROLE}: updated" in out
    assert f"user {own_roles.SERVICE}: updated" in out
    assert node.elastic.security.get_role(name=own_roles.AUDITOR_ROLE)[own_roles.AUDITOR_ROLE]["cluster"] == ["read_security"]


def test_changed_template_is_mended(node: TestNode) -> None:
    """Whoever changes it, as in Kibana, keeps the copy in `_meta`."""
    template = node.elastic.indices.get_index_template(name=indices.LOCKS)["index_templates"][0]["index_template"]
    body = {name: template[name] for name in ("index_patterns", "priority", "template", "_meta")}
    body["template"]["settings"]["index"]["number_of_shards"] = "2"
    node.elastic.indices.put_index_template(name=indices.LOCKS, body=body)
    states = {template.name: template.state for template in overview.templates()}
    assert states == {**dict.fromkeys(indices.TEMPLATES, "Up to date"), indices.LOCKS: "Changed outside usermgmt"}
    assert f"index template {indices.LOCKS}: updated" in run()
    assert {template.state for template in overview.templates()} == {"Up to date"}


def test_missing_key_is_created_in_a_private_file(node: TestNode, settings: Settings, tmp_path: Path) -> None:
    settings.ELASTICSEARCH_API_KEY = ""
    file = tmp_path / "env"
    file.write_text("# mine\nELASTICSEARCH_API_KEY=old\nHTTPS=false\n")

    out = run(env_file=file)

    lines = file.read_text().splitlines()
    assert lines[:2] == ["# mine", "HTTPS=false"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings.ELASTICSEARCH_API_KEY = lines[2].removeprefix("ELASTICSEARCH_API_KEY=")
    assert cluster_setup.is_api_key_valid(settings.ELASTICSEARCH_API_KEY)
    assert settings.ELASTICSEARCH_API_KEY not in out


def test_keys_in_the_file_are_kept(node: TestNode, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the settings come from elsewhere, as in a container."""
    settings.ELASTICSEARCH_API_KEY = ""
    monkeypatch.delenv("SECRET_KEY")
    file = tmp_path / "env"
    assert "API key: created" in run(env_file=file)
    written = file.read_text()
    assert {line.partition("=")[0] for line in written.splitlines()} == {"SECRET_KEY", "ELASTICSEARCH_API_KEY"}
    assert "API key: unchanged" in run(env_file=file)
    assert file.read_text() == written


def test_no_key_is_created_for_a_file_that_cannot_be_written(node: TestNode, settings: Settings, tmp_path: Path) -> None:
    settings.ELASTICSEARCH_API_KEY = ""
    latin = tmp_path / "latin"
    latin.write_bytes(b"# f\xfcr\n")
    before = len(node.elastic.security.get_api_key()["api_keys"])
    for file, problem in (
        (tmp_path / "missing" / "env", "can't be written: No such file or directory."),
        (latin, "must be saved as UTF-8."),
    ):
        with pytest.raises(CommandError, match=f"^{file} {problem} Nothing was changed."):
            run(env_file=file)
    assert len(node.elastic.security.get_api_key()["api_keys"]) == before
    assert list(tmp_path.iterdir()) == [latin]


def test_without_a_file_it_prints_what_to_put_into_it(node: TestNode, settings: Settings) -> None:
    settings.ELASTICSEARCH_API_KEY = ""
    assert "ELASTICSEARCH_API_KEY=" in run()


@pytest.mark.parametrize("priority", [10, own_templates.PRIORITY + 1])
def test_templates_of_others(node: TestNode, priority: int) -> None:
    mappings = {"properties": {"username": {"type": "text"}}}
    node.elastic.indices.put_index_template(
        name="everything", index_patterns=["*"], priority=priority, template={"mappings": mappings}
    )
    try:
        if priority < own_templates.PRIORITY:
            run()
            node.elastic.indices.delete(index=indices.THROTTLE)
            run()
            mapping = node.elastic.indices.get_mapping(index=indices.THROTTLE)[indices.THROTTLE]["mappings"]
            assert mapping["properties"].keys() == {"expires"}
        else:
            with pytest.raises(CommandError, match=r"'everything' \(priority 1000001\) takes precedence") as refused:
                run()
            assert refused.value.returncode == 78
    finally:
        node.elastic.indices.delete_index_template(name="everything")


def test_index_of_another_template(node: TestNode) -> None:
    node.elastic.indices.delete(index=indices.THROTTLE)
    node.elastic.indices.delete_index_template(name=indices.THROTTLE)
    node.elastic.indices.create(index=indices.THROTTLE, mappings={"properties": {"expires": {"type": "text"}}})
    try:
        with pytest.raises(CommandError, match="An index of usermgmt-throttle was created from another index template") as refused:
            run()
        assert refused.value.returncode == 78
    finally:
        node.elastic.indices.delete(index=indices.THROTTLE)
        node.elastic.options(ignore_status=404).indices.delete_index_template(name=indices.THROTTLE)
        run()


def test_service_key_survives_its_creator(node: TestNode, settings: Settings) -> None:
    owners = {
        key["username"] for key in node.elastic.security.get_api_key()["api_keys"] if key["name"] == cluster_setup.API_KEY_NAME
    }
    assert owners == {own_roles.SERVICE}


@pytest.mark.parametrize(("username", "password"), [("elastic", "wrong-password"), ("nobody", "wrong-password")])
def test_incorrect_credentials_are_reported(node: TestNode, monkeypatch: pytest.MonkeyPatch, username: str, password: str) -> None:
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", username)
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", password)
    with pytest.raises(CommandError, match="Incorrect username or password"):
        run()


def test_denied_command_is_reported(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe", password="jdoe-password")
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "jdoe")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "jdoe-password")
    with pytest.raises(CommandError, match="isn't allowed to set up the cluster"):
        run()


def test_unavailable_cluster_is_reported(settings: Settings) -> None:
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    with pytest.raises(CommandError, match=r"http://127\.0\.0\.1:1"):
        run()


def test_service_key_cant_read_users_or_change_events(node: TestNode) -> None:
    service = Elasticsearch(node.url, api_key=node.api_key)
    index = "usermgmt-audit-test"
    service.create(index=index, id="1", document={"event": {"action": "first"}})
    attempts: list[Callable[[], object]] = [
        lambda: service.security.get_user(username="elastic"),
        lambda: service.security.put_user(username="x", password="xxxxxx", roles=[]),
        lambda: service.index(index=index, id="1", document={"event": {"action": "forged"}}),
        lambda: service.update(index=index, id="1", doc={"event": {"action": "forged"}}),
        lambda: service.delete(index=index, id="1"),
        lambda: service.indices.delete(index=index),
    ]
    for forbidden in attempts:
        with pytest.raises(ApiError) as refused:
            forbidden()
        assert refused.value.status_code == 403
    assert service.get(index=index, id="1")["_source"] == {"event": {"action": "first"}}
    node.elastic.indices.delete(index=index)
