"""Rows of API keys, role mappings, and service accounts: each value is escaped, and each link leads to its page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any

import pytest
from django.template import Context, Engine
from django.urls import reverse, set_script_prefix

from accounts.services.api_keys import ListedKey
from accounts.services.role_mappings import Assessment, RoleMapping
from accounts.services.roles import Role, escalation
from accounts.services.service_accounts import ServiceAccount, Token
from accounts.services.users.administrators import Administration
from accounts.templatetags import access_tables

HOSTILE = "<script>\"'&~/☃{{ 7 }}"
TEXT = escape(HOSTILE)
DAY = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp() * 1000)
KEY: dict[str, Any] = {
    "id": "a-b_1",
    "name": HOSTILE,
    "creation": DAY,
    "invalidated": False,
    "username": HOSTILE,
    "realm": HOSTILE,
    "realm_type": "native",
    "limited_by": [{HOSTILE: {"cluster": ["all"]}}],
}


def key_row(**body: Any) -> str:
    return access_tables.api_key_rows([ListedKey.of({**KEY, **body})])


def mapping_row(known: tuple[Role, ...] = (), **body: Any) -> str:
    mapping = RoleMapping.of(HOSTILE, {"rules": {"field": {HOSTILE: HOSTILE}}, **body})
    administration = Administration({role.name: role.escalations for role in known if role.escalations})
    return access_tables.role_mapping_rows([Assessment(mapping, {role.name: role for role in known}, administration)])


def cells(row: str) -> dict[str, str]:
    """By label; that of the heading is empty."""
    return {label or "": cell for label, cell in re.findall(r'<t[hd](?: data-label="([^"]+)"|[^>]*)>(.*?)</t[hd]>', row)}


def hrefs(html: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'href="([^"]*)"', html)]


def test_api_key() -> None:
    row = key_row(id='"><i>')
    assert cells(row) == {
        "": f'<a class="clamp" href="/api-keys/view/%22%3E%3Ci%3E">{TEXT}</a>',
        "Owner": f'<span class="clamp"><a href="{reverse("user_history", args=[HOSTILE])}">{TEXT}</a></span>',
        "Realm": TEXT,
        "Type": "REST",
        "Created": '<time datetime="2026-11-28T12:00:00+00:00" title="2026-11-28 12:00:00 UTC">2026-11-28 12:00 UTC</time>',
        "Expires": "Never",
        "State": '<span class="badge badge--primary">Active</span>',
        "Administrator": '<span class="badge badge--danger">Yes</span> <span class="row-detail">Can manage users and roles</span>',
    }
    assert 'title="&quot;&gt;&lt;i&gt;"' in row
    assert hrefs(key_row())[0] == reverse("api_key", args=[KEY["id"]])


def test_other_api_keys() -> None:
    assert ">(no name)</a>" in key_row(name=None)
    ldap = cells(key_row(realm_type="ldap", expiration=DAY, metadata={"managed": True}, limited_by=[]))
    assert ldap["Owner"] == f'<span class="clamp">{TEXT}</span>'
    assert "2026-11-28 12:00 UTC" in ldap["Expires"]
    assert ldap["State"].startswith('<span class="badge">Expired</span> <span class="badge" title="Kibana works')
    assert ldap["Administrator"] == "No"


@pytest.mark.parametrize(("owner", "page"), [(None, "user_history"), ("somebody", "user_edit")])
def test_owner_in_a_template(owner: str | None, page: str) -> None:
    template = Engine.get_default().from_string("{% load access_tables %}{% api_key_owner key owner %}")
    html = template.render(Context({"key": ListedKey.of(KEY).key, "owner": owner}))
    assert html == f'<a href="{reverse(page, args=[HOSTILE])}">{TEXT}</a>'


def test_role_mapping() -> None:
    known = (Role("boss", escalations=escalation.of({"cluster": ["all"]})), Role(HOSTILE, is_deprecated=True))
    row = mapping_row(known, enabled=False, roles=["boss", HOSTILE, f"{HOSTILE}2", ""], metadata={"_read_only": True})
    found = cells(row)
    assert found[""].startswith('<span class="badges"><span class="badge" data-test-subj="roleMappingDisabled">Disabled</span>')
    assert f">{TEXT}</a></th>" in row
    assert hrefs(row) == [reverse("role_mapping", args=[HOSTILE]), reverse("role", args=["boss"]), reverse("role", args=[HOSTILE])]
    assert escape('\\"') in found["Applies to"]
    for part in (f'badge--warning" href="{reverse("role", args=[HOSTILE])}">{TEXT}</a>', f'exist">{TEXT}2<span', ">(empty name)<"):
        assert part in found["Roles"]
    assert found["Administrators"] == "No"
    assert "<script" not in row


def test_role_mapping_with_templates() -> None:
    row = mapping_row(rules={"field": {"username": "*"}}, role_templates=[{"template": {"source": "{{username}}"}}])
    assert cells(row)["Roles"] == '<ul class="badges"><li><span class="badge badge--warning">Decided at sign-in</span></li></ul>'
    assert cells(row)["Administrators"] == '<span class="badge badge--warning">Not known</span>'
    assert cells(mapping_row())["Roles"] == ""


def test_role_mapping_of_a_realm() -> None:
    assert f">Everyone in the realm {TEXT}</span>" in mapping_row(rules={"field": {"realm.name": HOSTILE}})


def test_service_account() -> None:
    tokens = (Token(HOSTILE), *(Token(f"t{number}", ("node",)) for number in range(5)))
    row = access_tables.service_account_rows([ServiceAccount(HOSTILE, {}, (), tokens, silent_nodes=2)])
    assert hrefs(row) == [reverse("service_account", args=[HOSTILE])]
    assert cells(row) == {
        "": f'<a href="{escape(reverse("service_account", args=[HOSTILE]))}">{TEXT}</a>',
        "Tokens": f'<span class="clamp">6: {TEXT}, t0 (file), t1 (file), t2 (file), t3 (file), …</span> '
        '<span class="badge badge--warning">2 nodes didn\'t report file tokens</span>',
        "Can become an administrator": "No",
    }
    assert cells(access_tables.service_account_rows([ServiceAccount("a/b", {})]))["Tokens"] == "None"
    assert ">1 node didn't" in access_tables.service_account_rows([ServiceAccount("a/b", {}, silent_nodes=1)])


@pytest.fixture
def base_path() -> Iterator[None]:
    set_script_prefix("/es-users/")
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("base_path")
def test_links_below_a_path() -> None:
    assert hrefs(key_row()) == ["/es-users/api-keys/view/a-b_1", reverse("user_history", args=[HOSTILE])]
