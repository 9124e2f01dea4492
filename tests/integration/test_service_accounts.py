"""Service accounts, and the page Access: a token is made, seen everywhere, and gone."""

import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.services import api_keys, service_accounts
from accounts.services.client import PersonClient, invalidate
from accounts.services.findings import rows
from local_cluster.node import wait_for
from tests.support.faults import faulty
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import text

FLEET = "elastic/fleet-server"
KEY = f"{FLEET}/forgotten/index"
HASH = "{PBKDF2_STRETCH}10000$8QN+eThJEaCd18sCP0nfzxJq2D9yhmSZgI20TDooYcE=$+0ELfqW4D2+/SlHvm/885dzv67qO2SMJg32Mv/9epXk="


@pytest.fixture(autouse=True)
def _no_file_tokens_left(node: TestNode) -> Iterator[None]:
    yield
    (node.config / "service_tokens").unlink(missing_ok=True)


@pytest.fixture
def otto(signed_in: Callable[..., Client]) -> Client:
    return signed_in("otto")


def squeezed(client: Client, url: str) -> str:
    return " ".join(text(client, url).split())


def row(client: Client, name: str) -> str:
    """A row of the page Access."""
    return squeezed(client, "/access/").split(f'data-test-subj="access-{name}"')[1].split("</tr>")[0]


def exported(client: Client) -> dict[str, dict[str, object]]:
    """The rows of the file, by account, which its manifest calls complete."""
    sent = client.post("/service-accounts/export", {"format": "ndjson"})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(sent)))
    data = archive.read("service-accounts.ndjson").decode()
    manifest = json.loads(archive.read("completeness.json"))
    assert manifest["rows"] == manifest["count_before"] == manifest["count_after"] == len(data.splitlines())
    return {each["account"]: each for each in map(json.loads, data.splitlines())}


def test_token_is_seen_everywhere_until_it_is_deleted(node: TestNode, otto: Client, person: Callable[[str], PersonClient]) -> None:
    elastic = node.elastic.security
    elastic.create_service_token(namespace="elastic", service="fleet-server", name="forgotten", refresh=True)

    assert "forgotten" in text(otto, "/service-accounts/?tokens=with")
    assert text(otto, "/service-accounts/?q=forg").count('data-test-subj="serviceAccountRow"') == 1
    page = text(otto, f"/service-accounts/view/{FLEET}")
    assert "forgotten" in page
    assert "Index <code>.security</code>" in page
    assert exported(otto)[FLEET]["index_tokens"] == ["forgotten"]
    assert "forgotten" in text(otto, "/service-accounts/print")
    assert "1 with tokens" in row(otto, "service-accounts")
    run = run_through(node, person("otto"))
    assert [each.details for each in rows.read(run.chunks["service-tokens"]) if each.key == KEY] == [
        "Token “forgotten”, in the index. Opens no known way to become an administrator."
    ]
    assert f"/service-accounts/view/{FLEET}" in text(otto, "/findings/view/service-tokens")

    elastic.delete_service_token(namespace="elastic", service="fleet-server", name="forgotten")
    assert "No service accounts match" in text(otto, "/service-accounts/?tokens=with")
    assert "this account can't be used" in text(otto, f"/service-accounts/view/{FLEET}")
    assert exported(otto)[FLEET]["index_tokens"] == []
    assert "0 with tokens" in row(otto, "service-accounts")
    after = run_through(node, person("otto"))
    assert KEY not in [each.key for each in rows.read(after.chunks.get("service-tokens", []))]
    assert KEY in [each.key for each in rows.read(after.chunks["resolved:service-tokens"])]


def test_file_token_is_shown_with_its_node(node: TestNode, otto: Client, person: Callable[[str], PersonClient]) -> None:
    (node.config / "service_tokens").write_text(f"{FLEET}/of-a-file:{HASH}\n")
    assert wait_for(lambda: bool(service_accounts.get(person("otto"), FLEET).tokens), 60)
    [token] = service_accounts.get(person("otto"), FLEET).tokens
    assert (token.name, token.source, len(token.nodes)) == ("of-a-file", "file", 1)
    page = squeezed(otto, f"/service-accounts/view/{FLEET}")
    assert "File <code>service_tokens</code>" in page
    assert token.nodes[0] in page
    assert exported(otto)[FLEET]["nodes"] == {"of-a-file": list(token.nodes)}


def test_which_account_makes_an_administrator(node: TestNode, otto: Client) -> None:
    answers = {name: each["can_become_administrator"] for name, each in exported(otto).items()}
    assert (answers[FLEET], answers["elastic/kibana"]) == (False, "no information")
    # Elasticsearch 9 has no such account anymore.
    assert answers.get("elastic/enterprise-search-server") is (True if node.version.startswith("8.") else None)
    assert "delegate_pki" in text(otto, "/service-accounts/view/elastic/kibana")
    assert otto.get("/service-accounts/view/elastic/nope").status_code == 404
    assert otto.get("/service-accounts/view/elastic/fleet-server,kibana").status_code == 404


def test_overview(node: TestNode, otto: Client, signed_in: Callable[..., Client], settings: Settings, calls: list[str]) -> None:
    rules = {"all": [{"field": {"realm.name": "ldap1"}}, {"field": {"groups": "*"}}]}
    node.elastic.security.put_role_mapping(name="everybody", enabled=True, roles=["superuser"], rules=rules)
    node.put_user("idle", roles=["viewer"], enabled=False)
    page = squeezed(otto, "/access/")
    assert "1 enabled" in row(otto, "role-mappings")
    assert "1 yes" in row(otto, "role-mappings")
    assert "1 deactivated" in row(otto, "users")
    assert "Off" in row(otto, "anonymous")
    assert "Rules of the role mapping everybody" in page
    assert "Realms can be missing here. You don't have the cluster privilege monitor." in page
    node.elastic.security.put_role(name="watching", cluster=["read_security", "monitor"])
    node.put_user("walter", roles=["watching"])
    assert "Realms can be missing" not in text(signed_in("walter"), "/access/")
    node.elastic.security.delete_role(name="watching")

    settings.CACHE_SECONDS = 60
    invalidate()
    otto.get("/access/")
    calls.clear()
    otto.get("/access/")
    invalidate()
    assert [call for call in calls if "usermgmt-sessions" not in call] == [
        "POST /_security/_query/api_key",
        *["POST /_security/_query/user"] * 4,
        "GET /_nodes/settings",
    ]


def test_numbers_of_administrators_are_those_of_the_lists(node: TestNode, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number leads to the list that it counts."""
    security = node.elastic.security
    security.put_role(name="riser", cluster=["cluster:admin/xpack/security/user/put"])
    security.put_role(name="maybe", cluster=["manage"])
    for name in ("riser", "maybe", "viewer"):
        node.put_user(f"of-{name}", roles=[name])
        node.put_user(f"gone-{name}", roles=[name], enabled=False)
        security.put_role_mapping(name=name, enabled=True, roles=[name], rules={"field": {"realm.name": "ldap1"}})
        key = {"own": {"cluster": [security.get_role(name=name)[name]["cluster"][0] if name != "viewer" else "monitor"]}}
        ids = [security.create_api_key(name=f"of {name}", role_descriptors=key, refresh=True)["id"] for _ in range(2)]
        security.invalidate_api_key(ids=ids[:1])
    security.create_service_token(namespace="elastic", service="kibana", name="counted", refresh=True)
    totals = {"users": r"of ([\d,]+)<", "api-keys": r"of ([\d,]+)<"}
    for name in ("users", "api-keys", "role-mappings", "service-accounts"):
        found = re.findall(r'<a class="badge[^"]*" href="([^"]+)">([\d,]+) (yes|not known|no)</a>', row(otto, name))
        assert found
        assert name == "service-accounts" or [answer for _, _, answer in found] == ["yes", "not known", "no"]
        for url, number, _ in found:
            page = text(otto, html.unescape(url))
            rows = page.count('data-test-subj="roleMappingRow"') + page.count('data-test-subj="serviceAccountRow"')
            listed = re.findall(totals[name], page)[0] if name in totals else str(rows)
            assert (url, listed) == (url, number)
        if name in totals:
            [active] = re.findall(r"([\d,]+) active", row(otto, name))
            assert sum(int(number.replace(",", "")) for _, number, _ in found) == int(active.replace(",", ""))

    monkeypatch.setattr(api_keys, "MAX_READ", 1)
    invalidate()
    assert re.search(r"Not known</span> More than [\d,]+ active keys", row(otto, "api-keys"))
    security.delete_service_token(namespace="elastic", service="kibana", name="counted")
    for name in ("riser", "maybe"):
        security.delete_role(name=name)


def test_a_row_that_cannot_be_read_is_named(node: TestNode, settings: Settings, signed_in: Callable[..., Client]) -> None:
    with faulty(node) as server:
        settings.ELASTICSEARCH_HOSTS = [server.url]
        otto = signed_in("otto")
        server.answers = {"GET /_security/service": 403, "GET /_security/role_mapping": 500}
        assert "You don't have the cluster privilege read_security." in row(otto, "service-accounts")
        assert "Couldn't load this." in row(otto, "role-mappings")
        assert "active" in row(otto, "users")
