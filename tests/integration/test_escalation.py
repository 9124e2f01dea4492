"""Each escalation path, walked on a node by somebody who has only what the path needs; and near misses, which lead nowhere."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from elasticsearch import AuthenticationException, AuthorizationException, BadRequestError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services import api_keys, exports, role_mappings, roles, users
from accounts.services.api_keys import ApiKeyQuery
from accounts.services.api_keys.query import ADMINISTRATOR
from accounts.services.client import PersonClient, invalidate
from accounts.services.findings import rules, user_pages
from accounts.services.role_mappings import MappingQuery
from accounts.services.users import UserQuery, administrators, privilege_holders
from accounts.services.users.query import ADMINISTRATION
from accounts.templatetags import user_table
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.pages import text

ACTION = "cluster:admin/xpack/security/"
SUPERUSER: dict[str, Any] = {"password": PASSWORD, "roles": ["superuser"]}
STORED = {"type": "user", "username": "risen", "password": "", "roles": ["superuser"], "enabled": True, "metadata": {}}
JSON = {"accept": "application/json", "content-type": "application/json"}


def on_security(*privileges: str, names: str = ".security*", restricted: bool = True) -> dict[str, Any]:
    return {"indices": [{"names": [names], "privileges": list(privileges), "allow_restricted_indices": restricted}]}


def managing_roles(names: str) -> dict[str, Any]:
    return {"global": {"role": {"manage": {"indices": [{"names": [names], "privileges": ["all"]}]}}}}


CREATE_USER = ("PUT", "/_security/user/risen", SUPERUSER)
OWN_ROLE = ("PUT", "/_security/role/climber", {"cluster": ["all"]})
WRITE_USER = ("PUT", "/.security-7/_create/user-risen", STORED)
# What a role has, the call with which its holder rises, and the words for it; "" for a near miss that the node refuses.
WALKED: dict[str, tuple[dict[str, Any], tuple[str, str, Any], str]] = {
    "all": ({"cluster": ["all"]}, CREATE_USER, "Can manage users and roles (all)"),
    "manage_security": ({"cluster": ["manage_security"]}, CREATE_USER, "Can manage users and roles (manage_security)"),
    "family": ({"cluster": ["cluster:admin/*"]}, CREATE_USER, "Can manage users and roles (cluster:admin/*)"),
    "user/put": ({"cluster": [f"{ACTION}user/put"]}, CREATE_USER, f"Can create and update users ({ACTION}user/put)"),
    "user/*": ({"cluster": [f"{ACTION}user/*"]}, CREATE_USER, f"Can create and update users ({ACTION}user/*)"),
    "prefix": ({"cluster": [f"{ACTION}user/p"]}, CREATE_USER, f"Can create and update users ({ACTION}user/p)"),
    "any letter": ({"cluster": [f"{ACTION}user/p?t"]}, CREATE_USER, f"Can create and update users ({ACTION}user/p?t)"),
    "user/get": ({"cluster": [f"{ACTION}user/get"]}, CREATE_USER, ""),
    "change_password": (
        {"cluster": [f"{ACTION}user/change_password"]},
        ("POST", "/_security/user/chief/_password", {"password": PASSWORD}),
        f"Can change the passwords of other users ({ACTION}user/change_password)",
    ),
    "role/put": ({"cluster": [f"{ACTION}role/put"]}, OWN_ROLE, f"Can change roles ({ACTION}role/put)"),
    "role/bulk_put": (
        {"cluster": [f"{ACTION}role/bulk_put"]},
        ("POST", "/_security/role", {"roles": {"climber": {"cluster": ["all"]}}}),
        f"Can change roles ({ACTION}role/bulk_put)",
    ),
    "role/delete": ({"cluster": [f"{ACTION}role/delete"]}, OWN_ROLE, ""),
    "manage_api_key": ({"cluster": ["manage_api_key", "grant_api_key", "manage_token"]}, OWN_ROLE, ""),
    "write": (on_security("write"), WRITE_USER, "Can write to the index of users and roles (write on .security*)"),
    "create_doc": (on_security("create_doc"), WRITE_USER, "Can write to the index of users and roles (create_doc on .security*)"),
    "expression": (
        on_security("all", names=r"/\.sec.*/"),
        WRITE_USER,
        r"Can write to the index of users and roles (all on /\.sec.*/)",
    ),
    "index actions": (
        on_security("indices:data/write/*"),
        WRITE_USER,
        "Can write to the index of users and roles (indices:data/write/* on .security*)",
    ),
    "not restricted": (on_security("all", restricted=False), WRITE_USER, ""),
    "other indices": (on_security("all", names="logs-*"), WRITE_USER, ""),
    "seen only": (on_security("view_index_metadata"), WRITE_USER, ""),
    "role.manage": (
        managing_roles("*"),
        ("PUT", "/_security/role/climber", on_security("all")),
        "Can grant index privileges on the index of users and roles (global role.manage on *)",
    ),
    "role.manage elsewhere": (managing_roles("logs-*"), ("PUT", "/_security/role/climber", on_security("all")), ""),
    "run_as": (
        {"run_as": ["chie*"]},
        ("RUN AS", "chief", None),
        "Can act as an administrator (run_as chie*, which includes chief)",
    ),
    "run_as expression": (
        {"run_as": ["/ch[i-k]ef/"]},
        ("RUN AS", "chief", None),
        "Can act as an administrator (run_as /ch[i-k]ef/, which includes chief)",
    ),
    "run_as nobody": ({"run_as": ["Chief", "chie"]}, ("RUN AS", "chief", None), ""),
    "run_as without power": ({"run_as": ["plain"]}, ("RUN AS", "chief", None), ""),
}


def climb(node: TestNode, call: tuple[str, str, Any]) -> bool:
    """Whether the node lets the climber do it."""
    method, path, body = call
    climber = node.elastic.options(basic_auth=basic("climber", PASSWORD))
    try:
        if method == "RUN AS":
            method, path, body = CREATE_USER
            climber = climber.options(headers={"es-security-runas-user": "chief"})
        climber.perform_request(method, path, headers=JSON, body=body)
    except (AuthenticationException, AuthorizationException):
        return False
    return True


@pytest.fixture(autouse=True)
def _no_roles_left(node: TestNode) -> Iterator[None]:
    yield
    for name in ("climber", "runner"):
        node.elastic.options(ignore_status=404).security.delete_role(name=name)


@pytest.fixture
def otto(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("otto")


def told(client: PersonClient) -> list[str]:
    """The escalations of the climber."""
    administration = administrators.load(client, roles.all_roles(client))
    return [str(each) for _, each in administration.escalations_of(["climber"])]


FINDINGS = {"managers": True, "escalation": True, "possible-escalation": None}
BADGES = {"Administrator": True, "Can become an administrator": True, "May become an administrator": None}


def listed(client: PersonClient, flag: users.Flag) -> bool:
    return "climber" in {user.username for user in users.list_page(client, UserQuery(flags=(flag,), size=100)).users}


def answers(client: PersonClient) -> dict[str, bool | None]:
    """What each page and file says of the climber: True, False, None for not known."""
    known = roles.all_roles(client)
    report = privilege_holders.who_are_administrators(client, known)
    [row] = exports.rows(client, UserQuery(q="climber"))
    assert told(client)[:1] == ([row.how.removeprefix("climber: ").split("; ")[0]] if row.how else [])
    [filtered] = [answer for flag, answer in ADMINISTRATION.items() if listed(client, flag)]
    user = users.get(client, "climber")
    badge = user_table.status(
        user, administrators.of_roles(client, roles.by_name(client, user.roles).values()).escalations_of(user.roles)
    )
    context = user_pages.context(client, user_pages.page(client), user_pages.administration(client), None)
    found = [FINDINGS[slug] for slug, _ in rules.of_user(user, context) if slug in FINDINGS]
    is_undetermined = "climber" in {role.name for role in report.undetermined}
    return {
        "filter": filtered,
        "badge": next((answer for label, answer in BADGES.items() if f">{label}<" in badge), False),
        "export": row.can_manage_users,
        "finding": found[0] if found else False,
        "who can": "climber" in {one.user.username for one in report.page.holders} or (None if is_undetermined else False),
    }


def other_doors(node: TestNode, client: PersonClient) -> tuple[bool | None, bool | None]:
    """What the filters of the lists say of an API key of the climber, and of a role mapping that makes climbers."""
    security = node.elastic.security
    granted: dict[str, Any] = {"grant_type": "password", "username": "climber", "password": PASSWORD}
    key = security.grant_api_key(**granted, api_key={"name": "climb"}, refresh=True)["id"]
    rules = {"field": {"realm.name": "ldap1"}}
    security.put_role_mapping(name="climbers", enabled=True, roles=["climber"], rules=rules)
    assessed = role_mappings.assess_all(client)
    queries = {
        answer: (ApiKeyQuery(q=key, administrator=name), MappingQuery("climbers", administrator=name))
        for name, answer in ADMINISTRATOR.items()
    }
    [of_key] = [answer for answer, (query, _) in queries.items() if api_keys.find(client, query).total]
    [of_mapping] = [answer for answer, (_, query) in queries.items() if role_mappings.matching(query, assessed)]
    security.delete_role_mapping(name="climbers")
    security.invalidate_api_key(ids=[key])
    return of_key, of_mapping


@pytest.mark.parametrize("path", WALKED)
def test_path_is_told_if_and_only_if_it_can_be_walked(node: TestNode, otto: PersonClient, path: str) -> None:
    role, call, words = WALKED[path]
    node.put_user("plain")
    node.put_user("chief", roles=["superuser"])
    node.elastic.perform_request("PUT", "/_security/role/climber", headers=JSON, body=role)
    node.put_user("climber", roles=["climber"])

    assert [each for each in told(otto) if "Not known" not in each][:1] == ([words] if words else [])
    said = answers(otto)
    assert len(set(said.values())) == 1, said
    assert bool(said["filter"]) is bool(words)
    # Whom a key's run_as reaches when it is used isn't known.
    assert other_doors(node, otto) == (None if "run_as" in role else bool(words), bool(words))
    assert climb(node, call) is bool(words)

    node.elastic.security.put_role(name="climber", cluster=["monitor"])
    assert told(otto) == []


def test_pages(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.elastic.security.put_role(name="climber", cluster=[f"{ACTION}user/put"], run_as=["ada"])
    node.put_user("climber", roles=["climber"])
    otto = signed_in("otto")
    page = text(otto, "/users/access/climber")
    assert "Is an administrator, or can become one" in page
    assert "Can create and update users" in page
    assert "run_as ada, which includes ada" in page
    page = text(otto, "/users/?flag=administrator&kind=native")
    assert "Role climber: Can create and update users" in page
    assert "run_as ada, which includes ada" in page
    assert ">Can become an administrator</a>" in page
    assert ">Administrator</a>" in page
    assert ">otto</a>" not in page
    page = text(otto, "/users/print?flag=administrator&kind=native")
    assert "administrators and users who can become one" in page
    assert "climber" in page
    assert "otto" not in page.split("<tbody>")[1].split("</tbody>")[0]
    page = text(otto, "/roles/who-can?privilege=administrator")
    assert ">climber</a>" in page
    assert "run_as ada, which includes ada" in page
    assert "none of the roles opens a known way" in text(otto, "/users/access/otto")
    page = text(otto, "/users/access/climber")
    assert "Why it works: Elasticsearch doesn't check whether the caller has the roles that are assigned." in page
    assert "/guide/en/elasticsearch/reference/8.19/security-api-put-user.html" in page
    page = text(otto, "/roles/view/climber")
    assert ">Makes administrators<" in page
    assert "Can create and update users" in page
    assert "run_as ada, which includes ada" in page
    assert ">Doesn't make administrators<" in text(otto, "/roles/view/viewer")

    node.elastic.security.put_role(name="climber", cluster=["manage"])
    assert "May be able to become an administrator" in text(otto, "/users/access/climber")
    assert ">May make administrators<" in text(otto, "/roles/view/climber")


def test_service_account_token_leads_up_before_version_9(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="climber", cluster=["manage_service_account"])
    node.put_user("climber", roles=["climber"])
    [each] = told(otto)
    assert "Not known whether this works in this cluster" in each
    climber = node.elastic.options(basic_auth=basic("climber", PASSWORD))
    account: dict[str, Any] = {"namespace": "elastic", "service": "enterprise-search-server", "name": "climb"}
    if not node.version.startswith("8."):
        with pytest.raises(BadRequestError, match="does not exist"):
            climber.security.create_service_token(**account)
        return
    risen = node.elastic.options(bearer_auth=climber.security.create_service_token(**account)["token"]["value"])
    assert risen.security.put_user(username="risen", **SUPERUSER)["created"]
    node.elastic.security.delete_service_token(**account)


@pytest.mark.parametrize(
    "role",
    [
        {"cluster": ["manage"]},
        {"cluster": ["delegate_pki"]},
        {"cluster": [f"{ACTION}role_mapping/put"]},
        {"cluster": [f"{ACTION}user/set_enabled"]},
        {"cluster": [f"{ACTION}enroll/node"]},
        on_security("read"),
        on_security("all", names=".watches"),
        {"run_as": ["/chi<1-2>ef/"]},
        {"run_as": ["runner"]},
    ],
)
def test_what_a_role_does_not_show_is_not_known(node: TestNode, otto: PersonClient, role: dict[str, Any]) -> None:
    node.put_user("chief", roles=["superuser"])
    node.elastic.security.put_role(name="runner", run_as=["chief"])
    node.put_user("runner", roles=["runner"])
    node.elastic.security.put_role(name="climber", **role)
    node.put_user("climber", roles=["climber"])
    [each] = told(otto)
    assert "Not known whether this works in this cluster" in each
    said = answers(otto)
    assert set(said.values()) == {None}, said


def test_nobody_acts_as_a_deactivated_user(node: TestNode, otto: PersonClient) -> None:
    node.put_user("chief", roles=["superuser"], enabled=False)
    node.elastic.security.put_role(name="climber", run_as=["chief"])
    node.put_user("climber", roles=["climber"])
    assert told(otto) == []
    assert not climb(node, ("RUN AS", "chief", None))


ACTIONS = [
    *(f"{ACTION}{name}" for name in ("user/put", "user/change_password", "user/delete", "role/put", "role/bulk_put", "role/get")),
    *(f"{ACTION}{name}" for name in ("*", "user/", "r?le/p*", "api_key/create", "api_key/grant", "privilege/put", "token/create")),
    "cluster:admin/settings/update",
    "cluster:monitor/*",
    "cluster:*",
]
NAMES = st.sampled_from([".security*", ".security", "*", ".sec*-?", "logs-*", r"/\.[a-z]+-7/", ".security-tokens*"])
INDEX_PRIVILEGES = ["all", "write", "read", "create_doc", "delete", "manage", "indices:data/write/*", "indices:data/write/index"]


def random_roles(cluster_privileges: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    privileges = st.lists(st.sampled_from(INDEX_PRIVILEGES), min_size=1, max_size=2, unique=True)
    group = st.fixed_dictionaries(
        {"names": NAMES.map(lambda name: [name]), "privileges": privileges, "allow_restricted_indices": st.booleans()}
    )
    return st.fixed_dictionaries(
        {
            "cluster": st.lists(st.sampled_from([*cluster_privileges, *ACTIONS]), max_size=2, unique=True),
            "indices": st.lists(group, max_size=2),
            "run_as": st.lists(st.sampled_from(["chief", "c*", "plain", "/ch.*f/", "x?"]), max_size=1),
        }
    )


def test_no_means_that_the_node_refuses_it(node: TestNode, otto: PersonClient) -> None:
    node.put_user("plain")
    node.put_user("chief", roles=["superuser"])
    node.put_user("climber", roles=["climber"])
    known = [name for name in node.elastic.security.get_builtin_privileges()["cluster"] if name not in ("all", "manage_security")]
    calls = [
        CREATE_USER,
        ("POST", "/_security/user/chief/_password", {"password": PASSWORD}),
        WRITE_USER,
        ("RUN AS", "chief", None),
        ("POST", "/_security/role", {"roles": {"climber": {"cluster": ["all"]}}}),
        OWN_ROLE,
    ]

    @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
    @given(role=random_roles(known))
    def check(role: dict[str, Any]) -> None:
        node.elastic.perform_request("PUT", "/_security/role/climber", headers=JSON, body=role)
        invalidate()
        administration = administrators.load(otto, roles.all_roles(otto))
        if administration.is_administrator(["climber"]) is False:
            assert [call for call in calls if climb(node, call)] == []

    check()
