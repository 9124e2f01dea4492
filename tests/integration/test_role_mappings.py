"""Role mappings on a real node: made through the API, read with the rights of an auditor, found, mended, and not found any more."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.services import findings, role_mappings
from accounts.services.client import PersonClient, invalidate
from accounts.services.documents import indices
from accounts.services.findings import rows
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import text
from tests.support.role_mappings import ADMINS, EVERYONE, SAML, no_mappings_left, put_mapping

JSON = {"accept": "application/json", "content-type": "application/json"}
SLUGS = ("mapping-everyone", "mapping-administrators", "mapping-unknown-roles")


@pytest.fixture(autouse=True)
def _clean(node: TestNode) -> Iterator[None]:
    with no_mappings_left(node):
        yield


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("otto")


def put_template(node: TestNode, name: str, template: dict[str, Any]) -> None:
    """The nodes of the tests have no mustache, so the document is written as Elasticsearch would."""
    security = node.elastic.security
    writing: Any = [{"names": [".security*"], "privileges": ["all"], "allow_restricted_indices": True}]
    security.put_role(name="mapping_writer", indices=writing)
    node.put_user("writer", roles=["mapping_writer"])
    document = {
        "doc_type": "role-mapping",
        "enabled": True,
        "roles": [],
        "role_templates": [{"template": json.dumps(template), "format": "string"}],
        "rules": ADMINS,
        "metadata": {},
    }
    writer = node.elastic.options(basic_auth=basic("writer", PASSWORD))
    writer.perform_request("PUT", f"/.security-7/_doc/role-mapping_{name}?refresh=true", headers=JSON, body=document)
    security.delete_role(name="mapping_writer")


def test_role_mappings_are_found_and_mended(node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    node.elastic.indices.delete(index=indices.FINDINGS, ignore_unavailable=True, expand_wildcards="all")

    def found() -> dict[str, set[str]]:
        invalidate()
        run = run_through(node, otto)
        return {slug: {row.ref for row in rows.read(run.chunks.get(slug, []))} for slug in SLUGS}

    nothing: dict[str, set[str]] = {slug: set() for slug in SLUGS}
    put_mapping(node, "off", ["superuser", "nope"], EVERYONE, enabled=False)
    put_mapping(node, "harmless", ["viewer"], EVERYONE)
    put_mapping(node, "nobody", ["superuser"], {"any": []})
    assert found() == nothing

    put_mapping(node, "everyone", ["user_admin"], EVERYONE)
    put_mapping(node, "realm", ["viewer", "superuser"], {"all": [SAML, {"except": {"field": {"username": "bob"}}}]})
    put_mapping(node, "group", ["superuser"], ADMINS)
    put_mapping(node, "typo", ["viewer", "nope"])
    put_template(node, "template", {"source": "own_{{username}}"})
    put_template(node, "constant", {"source": "superuser"})
    made = found()
    assert made == {
        "mapping-everyone": {"everyone", "realm"},
        "mapping-administrators": {"group", "template", "constant", "typo"},  # its role may be defined in a file
        "mapping-unknown-roles": {"typo"},
    }
    [typo] = rows.read(findings.get(findings.history()[0].id).chunks["mapping-unknown-roles"])
    assert typo.roles == ("nope",)
    auditor = signed_in("otto")
    page = text(auditor, "/findings/view/mapping-everyone")
    assert 'href="/role-mappings/view/realm"' in page
    assert "Everyone in the realm saml1, except users that the rule names. superuser: Can manage users and roles (all)." in page
    assert ">nope</span>" in text(auditor, "/findings/view/mapping-unknown-roles")
    assert b"group" in b"".join(auditor.get("/findings/export/mapping-administrators"))

    put_mapping(node, "everyone", ["user_admin"], EVERYONE, enabled=False)
    put_mapping(node, "realm", ["viewer"])
    put_mapping(node, "typo", ["viewer"])
    for name in ("group", "template", "constant"):
        node.elastic.security.delete_role_mapping(name=name)
    assert found() == nothing


def deep() -> dict[str, Any]:
    rule = EVERYONE
    for _ in range(100):
        rule = {"all": [rule, EVERYONE]}
    return rule


def test_pages_of_role_mappings(node: TestNode, signed_in: Callable[..., Client], calls: list[str]) -> None:
    put_mapping(
        node, "a/b größe <b>", ["superuser", "nope"], {"any": [ADMINS, {"all": [EVERYONE]}]}, metadata={"team": "<i>web</i>"}
    )
    put_mapping(node, "odd", ["", "größe", "x, y"], deep())
    put_mapping(node, "readers", ["viewer"], {"field": {"realm.name": ["saml1", "ldap*"]}})
    auditor = signed_in("otto")
    calls.clear()
    page = text(auditor, "/role-mappings/")
    assert [call for call in calls if "usermgmt" not in call] == [
        "GET /_security/role_mapping",
        "GET /_security/role",
        "GET /_xpack/usage",
    ]
    assert "3 role mappings" in page
    assert "a/b größe &lt;b&gt;" in auditor.get("/role-mappings/").content.decode()
    assert "Everyone in the realms saml1 and ldap*" in page
    filtered = text(auditor, "/role-mappings/?administrator=yes&q=nope")
    assert "1 of 3 role mappings" in filtered
    assert "readers" not in filtered
    assert "No role mappings match" in text(auditor, "/role-mappings/?status=disabled")

    url = reverse("role_mapping", args=["a/b größe <b>"])
    page = text(auditor, url)
    for part in (
        "This role mapping makes administrators of everyone in all external realms.",
        "At least one of these is true:",
        'a group is "cn=admins,dc=example,dc=org"',
        '"groups": "cn=admins,dc=example,dc=org"',
        "Role nope doesn't exist",
        "Its users are administrators or can become administrators",
        "Can manage users and roles",
    ):
        assert part in page
    assert "<i>web" not in auditor.get(url).content.decode()
    page = text(auditor, "/role-mappings/view/odd")
    assert "nested too deeply to be shown in words" in page
    assert "Role (empty name) doesn't exist" in page
    assert "This role mapping doesn't exist" in text(auditor, "/role-mappings/view/gone", status=404)

    answer = auditor.post("/role-mappings/export?q=readers", {"format": "ndjson"})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    [row] = map(json.loads, archive.read("role-mappings.ndjson").splitlines())
    assert (row["name"], row["roles"], row["makes_administrators"]) == ("readers", ["viewer"], False)
    assert json.loads(archive.read("completeness.json"))["rows"] == 1
    assert "Everyone in all external realms" in text(auditor, "/role-mappings/print")
    assert 'href="/role-mappings/?q=viewer"' in text(auditor, "/roles/view/viewer")


def test_changed_role_is_seen_at_once(node: TestNode, signed_in: Callable[..., Client]) -> None:
    put_mapping(node, "changing", ["changing"], EVERYONE)
    auditor = signed_in("otto")
    for cluster, answer in ((["monitor"], "no"), (["all"], "yes"), (["manage"], "unknown"), ([], "no")):
        node.elastic.security.put_role(name="changing", cluster=cluster)
        for other in ("yes", "no", "unknown"):
            page = text(auditor, f"/role-mappings/?administrator={other}")
            assert ("/role-mappings/view/changing" in page) is (other == answer), (cluster, other)
    node.elastic.security.delete_role(name="changing")
    assert "(nonexistent role)" in text(auditor, "/role-mappings/")


def test_rules_are_stored_as_they_are_read(node: TestNode, otto: PersonClient) -> None:
    fields = [{"field": {"metadata.a": value}} for value in (None, 7, True, ["x", "y*"], "/a.*/")]
    rules = {"all": [{"any": fields}, {"except": {"all": []}}]}
    put_mapping(node, "all kinds", ["viewer"], rules)
    mapping = role_mappings.get(otto, "all kinds")
    assert mapping.rules == rules
    assert (mapping.is_enabled, mapping.roles, mapping.is_read_only) == (True, ("viewer",), False)


def test_role_mappings_never_apply_to_native_users(node: TestNode, signed_in: Callable[..., Client]) -> None:
    put_mapping(node, "everyone", ["superuser"], EVERYONE)
    node.put_user("jdoe", roles=["viewer"])
    answer = node.elastic.options(basic_auth=basic("jdoe", PASSWORD)).security.authenticate()
    assert answer["roles"] == ["viewer"]
    page = text(signed_in("otto"), "/users/access/jdoe")
    assert "Not an administrator" in page
    assert "role mapping" not in page.lower()
