"""Role mappings at work: a node with an external realm decides to whom they apply, and the product must never deny what it does."""

from pathlib import Path

import pytest
from elasticsearch import ApiError, Elasticsearch
from pytest_django import Settings

from accounts.services import role_mappings
from accounts.services.client import PersonClient, invalidate
from accounts.services.findings import rows
from local_cluster import VERSIONS, Cluster
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.jwt import JwtRealm
from tests.support.nodes import SETTINGS, TestNode, set_up
from tests.support.role_mappings import ADMINS, EVERYONE, REACHES, fits, is_true, put_mapping

REALM = "saml1"  # named as in the rules
RULES = [(f"rule-{number:02}", rule) for number, (rule, _) in enumerate(REACHES) if "some" not in rule]
PEOPLE = {"zoe": (), "ann": (), "abe": ("cn=admins,dc=example,dc=org",)}


@pytest.mark.parametrize("version", VERSIONS[:1])
def test_role_mappings_of_an_external_realm(version: str, tmp_path: Path, settings: Settings) -> None:
    realm = JwtRealm(REALM)
    realm.write_keys(tmp_path / "node-1" / "config")
    with Cluster(tmp_path, version, settings={**SETTINGS, **realm.settings}) as cluster:
        node = set_up(cluster, settings)
        everyone_gets_what_the_rules_say(node, realm)
        an_administrator_is_made(node, realm)


def signed_in(node: TestNode, realm: JwtRealm, username: str) -> Elasticsearch:
    return node.elastic.options(bearer_auth=realm.token(username, *PEOPLE[username]))


def everyone_gets_what_the_rules_say(node: TestNode, realm: JwtRealm) -> None:
    for name, rule in RULES:
        put_mapping(node, name, [name], rule)
    reaches = {each.mapping.name: each.reach for each in role_mappings.assess_all(PersonClient("otto", PASSWORD))}
    for username, groups in PEOPLE.items():
        held = sorted(signed_in(node, realm, username).security.authenticate()["roles"])
        user = {"username": username, "realm.name": REALM, "groups": list(groups)}
        assert held == [name for name, rule in RULES if is_true(rule, user)]
        for name, reach in reaches.items():
            in_realms = any(fits(each, REALM) for each in reach.realms)
            is_reached = {"everyone": True, "realms": in_realms, "others": not in_realms}.get(reach.kind)
            if is_reached and not (reach.has_exceptions and username == "ann"):
                assert name in held
            if reach.kind in ("nobody", "internal") or (reach.kind == "named" and username != "ann"):
                assert name not in held
    for name, _ in RULES:
        node.elastic.security.delete_role_mapping(name=name)


def an_administrator_is_made(node: TestNode, realm: JwtRealm) -> None:
    otto = PersonClient("otto", PASSWORD)

    def becomes_administrator(username: str) -> bool:
        try:
            signed_in(node, realm, username).security.put_user(username="risen", password=PASSWORD, roles=["superuser"])
        except ApiError:
            return False
        return True

    def found() -> dict[str, set[str]]:
        invalidate()
        run = run_through(node, otto)
        return {slug: {row.ref for row in rows.read(chunks)} for slug, chunks in run.chunks.items() if slug.startswith("mapping-")}

    put_mapping(node, "door", ["superuser"], ADMINS)
    assert (becomes_administrator("abe"), becomes_administrator("zoe")) == (True, False)
    assert found() == {"mapping-administrators": {"door"}}
    put_mapping(node, "door", ["superuser"], EVERYONE)
    assert becomes_administrator("zoe")
    assert found() == {"mapping-everyone": {"door"}}
    put_mapping(node, "door", ["superuser"], EVERYONE, enabled=False)
    assert not becomes_administrator("zoe")
    assert found() == {}
