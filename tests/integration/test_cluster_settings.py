"""Nodes with settings that other nodes of the tests don't have: each test has a node of its own, and does all that fits it."""

import html
import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import bcrypt
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import Client, override_settings
from elasticsearch import AuthenticationException, Elasticsearch
from pytest_django import Settings

from accounts.services import errors, exports, findings, roles, users
from accounts.services.client import PersonClient, service_client, setup_problems
from accounts.services.cluster import own_roles
from accounts.services.documents import indices
from accounts.services.findings import rows as findings_rows
from accounts.services.roles import AnonymousAccess
from accounts.services.users import UserQuery, privilege_holders
from local_cluster import Cluster, Node, available_versions, basic
from local_cluster.node import wait_for
from tests.support.cast import CAST, PASSWORD
from tests.support.certificates import make
from tests.support.forms import posted
from tests.support.nodes import SETTINGS
from tests.support.reset_password import Ended, in_process
from tests.support.sessions import OWN_PAGE

AUTO_CREATE = "action.auto_create_index"
NodeWith = Callable[..., AbstractContextManager[Elasticsearch]]


class FirstAnswer(Cluster):
    """Ready with the first answer, when the node can't read its users yet."""

    def _wait_until_ready(self, node: Node) -> None:
        elastic = self.client(max_retries=0)
        assert wait_for(lambda: node.is_running and answers(elastic.security.authenticate), 120), node.log_tail()


class WithoutSecurity(Cluster):
    def _wait_until_ready(self, node: Node) -> None:
        assert wait_for(lambda: node.is_running and answers(self.client().cluster.health), 120), node.log_tail()


@pytest.fixture(params=available_versions())
def node_with(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> NodeWith:
    """Starts a node that isn't set up, with these settings; `elastic` is in its file realm too, as on Elastic Cloud."""

    @contextmanager
    def start(node_settings: dict[str, str], kind: Callable[..., Cluster] = Cluster) -> Iterator[Elasticsearch]:
        cluster = kind(tmp_path, request.param, settings={**SETTINGS, **node_settings})
        config = tmp_path / "node-1/config"
        config.mkdir(parents=True, exist_ok=True)
        hashed = bcrypt.hashpw(cluster.password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
        (config / "users").write_text(f"elastic:{hashed}\n")
        (config / "users_roles").write_text("superuser:elastic\n")
        with cluster:
            settings.ELASTICSEARCH_HOSTS = cluster.urls
            settings.ELASTICSEARCH_API_KEY = ""
            monkeypatch.setenv("ELASTICSEARCH_PASSWORD", cluster.password)
            yield cluster.client()

    return start


def answers(call: Callable[[], object]) -> bool:
    try:
        call()
    except Exception:  # noqa: BLE001 - whatever the reason, it isn't an answer
        return False
    return True


def set_up(settings: Settings, elastic: Elasticsearch) -> str:
    """Run `setup_cluster`, use its key, and add the cast. Returns what the command printed."""
    out = io.StringIO()
    call_command("setup_cluster", stdout=out)
    printed = out.getvalue()
    settings.ELASTICSEARCH_API_KEY = printed.split("ELASTICSEARCH_API_KEY=")[1].split()[0]
    elastic.security.put_role(name="user_admin", cluster=["manage_security"])
    for username, names in CAST.items():
        elastic.security.put_user(username=username, password=PASSWORD, roles=names)
    return printed


def signed_in(username: str) -> Client:
    client = Client(headers=OWN_PAGE)
    response = client.post("/login", {"username": username, "password": PASSWORD})
    assert response.status_code == 302, response.content.decode()
    return client


def own_indices(elastic: Elasticsearch) -> set[str]:
    return set(elastic.indices.get(index="usermgmt-*", expand_wildcards=["open", "hidden"]))


def delete_own_indices(elastic: Elasticsearch) -> None:
    for name in own_indices(elastic):
        elastic.indices.delete(index=name)


def test_without_built_in_users(node_with: NodeWith, settings: Settings) -> None:
    with node_with({"xpack.security.authc.reserved_realm.enabled": "false"}) as elastic:
        set_up(settings, elastic)
        ada = signed_in("ada")
        assert users.reserved(PersonClient("ada", PASSWORD)) == []
        for page in (
            "/users/",
            "/users/?q=ada",
            "/users/?role=viewer",
            "/users/?status=active",
            "/users/?kind=reserved",
            "/users/?view=activity",
            "/users/filters",
            "/users/print",
            "/users/export",
            "/users/access/ada",
            "/roles/view/viewer",
            "/roles/who-can",
            "/search?q=ada",
            "/findings/",
        ):
            response = ada.get(page)
            content = b"".join(response) if response.streaming else response.content
            assert response.status_code == 200, (page, content.decode())
            assert "doesn't exist" not in content.decode(), page
        export = b"".join(ada.post("/users/export", {"format": "csv"}))
        assert b"norah" in ZipFile(io.BytesIO(export)).read("users.csv")
        assert "system user" not in ada.get("/users/delete?username=norah&username=elastic").content.decode()
        native_users_named_like_built_in_ones(elastic)


def native_users_named_like_built_in_ones(elastic: Elasticsearch) -> None:
    for name in users.RESERVED_USERNAMES:
        elastic.security.put_user(username=name, password=PASSWORD, roles=["viewer"])
    ada, client = signed_in("ada"), PersonClient("ada", PASSWORD)
    assert not users.get(client, "elastic").is_reserved
    assert [row.username for row in exports.rows(client, UserQuery())].count("kibana") == 1
    assert privilege_holders.with_role(client, "viewer").total == len(users.RESERVED_USERNAMES) + 1
    assert "will lose connection" not in page(ada, "/users/change-password/kibana_system")
    assert save(ada, "kibana", full_name="Not built in") == 302
    assert elastic.security.get_user(username="kibana")["kibana"]["full_name"] == "Not built in"
    assert ada.post("/users/delete/beats_system").status_code == 302
    assert "beats_system" not in elastic.security.get_user()
    assert users.search(client, UserQuery(kind="reserved")).total == 0


def test_first_start_without_automatic_indices(node_with: NodeWith, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with node_with({AUTO_CREATE: "false"}, FirstAnswer) as elastic:
        printed = set_up(settings, elastic)
        assert "API key: created" in printed
        indices_are_created_by_usermgmt(elastic, settings, printed)
        elastic.cluster.put_settings(persistent={AUTO_CREATE: "-usermgmt-*,+*"})
        settings.ELASTICSEARCH_API_KEY = ""
        indices_are_created_by_usermgmt(elastic, settings, set_up(settings, elastic))
        assert "Traceback" not in caplog.text


def indices_are_created_by_usermgmt(elastic: Elasticsearch, settings: Settings, printed: str) -> None:
    """`printed` is what the setup said; in the end there are none of its indices."""
    created = {line.split(": ")[0].removeprefix("index ") for line in printed.splitlines() if line.startswith("index usermgmt")}
    assert created == own_indices(elastic)
    assert len([name for name in created if name.startswith("usermgmt-audit-")]) == 2

    signed_in("ada")
    # The next months: usermgmt creates their index itself.
    delete_own_indices(elastic)
    person = signed_in("ada")
    users.disable(PersonClient("ada", PASSWORD), "norah")
    assert person.get("/users/").status_code == 200
    [audit] = [name for name in own_indices(elastic) if name.startswith("usermgmt-audit-")]
    assert indices.AUDIT_MARKER in str(elastic.indices.get_mapping(index=audit))

    # A key of an older usermgmt can't create it.
    delete_own_indices(elastic)
    elastic.security.put_role(name=own_roles.SERVICE, cluster=["monitor"], indices=[])
    old = [
        {**part, "privileges": [*set(part["privileges"]) - {"create_index"}]}
        for part in own_roles.ROLES["usermgmt_service"]["indices"]
    ]
    key = elastic.security.create_api_key(
        name="old", role_descriptors={"old": {"cluster": ["monitor"], "indices": old}}, refresh=True
    )
    settings.ELASTICSEARCH_API_KEY = key["encoded"]
    answer = Client().post("/login", {"username": "ada", "password": PASSWORD}).content.decode()
    assert "The cluster isn&#x27;t set up the way usermgmt needs. The API key of usermgmt" in answer


def test_native_realm_is_off(node_with: NodeWith, settings: Settings) -> None:
    sentence = "The native realm is turned off, so native users can't sign in. An administrator must remove `xpack.security.authc"
    made: list[Cluster] = []

    def kept(*arguments: Any, **options: Any) -> Cluster:
        made.append(Cluster(*arguments, **options))
        return made[0]

    with node_with({}, kept) as elastic:
        set_up(settings, elastic)
        [node] = made[0].nodes
        node.stop()
        node.settings["xpack.security.authc.realms.native.native1.enabled"] = "false"
        node.start()
        elastic.security.delete_role(name=own_roles.AUDITOR_ROLE)
        with pytest.raises(CommandError) as refused:
            call_command("setup_cluster", stdout=io.StringIO())
        assert (refused.value.returncode, sentence in str(refused.value)) == (78, True)
        assert own_roles.AUDITOR_ROLE not in elastic.security.get_role()

        response = Client().post("/login", {"username": "ada", "password": PASSWORD})
        assert (response.status_code, sentence in unescape(response.content.decode())) == (200, True)
        ready = Client().get("/readyz")
        assert (ready.status_code, ready.content.decode().startswith(f"ok\n{sentence}")) == (200, True)

        superuser = Client()
        credentials = {"username": "elastic", "password": os.environ["ELASTICSEARCH_PASSWORD"]}
        assert superuser.post("/login", credentials).status_code == 302
        assert sentence in unescape(superuser.get("/users/create").content.decode())
        assert "native1 native Turned off in the settings of 1 of 1 node" in page(superuser, "/access/")
        new = {"username": "new", "password": PASSWORD, "confirm_password": PASSWORD}
        assert sentence in unescape(superuser.post("/users/create", {**new, "confirm_password": ""}).content.decode())
        created = unescape(superuser.post("/users/create", new, follow=True).content.decode())
        assert "Created user 'new'" in created
        assert sentence in created


def test_without_security(node_with: NodeWith, settings: Settings) -> None:
    sentence = "Security is turned off in Elasticsearch, so there are no users."
    with node_with({"xpack.security.enabled": "false"}, WithoutSecurity):
        with pytest.raises(CommandError) as refused:
            call_command("setup_cluster", stdout=io.StringIO())
        assert (refused.value.returncode, sentence in str(refused.value)) == (78, True)
        settings.ELASTICSEARCH_API_KEY = "eDp5"
        response = Client().post("/login", {"username": "ada", "password": PASSWORD})
        assert (response.status_code, sentence in response.content.decode()) == (503, True)
        ready = Client().get("/readyz")
        assert (ready.status_code, ready.content.decode().startswith(sentence)) == (503, True)


def test_https(node_with: NodeWith, settings: Settings, tmp_path: Path) -> None:
    authority = make("authority", is_authority=True)
    identity, certs = make("node", by=authority), tmp_path / "node-1/config/certs"
    certs.mkdir(parents=True)
    (certs / "ca.crt").write_bytes(authority.pem)
    (certs / "node.crt").write_bytes(identity.pem)
    (certs / "node.key").write_bytes(identity.key_pem)
    https = {"enabled": "true", "key": "certs/node.key", "certificate": "certs/node.crt"}
    node_settings = {f"xpack.security.http.ssl.{name}": value for name, value in https.items()}
    with node_with(node_settings, partial(Cluster, ca_certs=certs / "ca.crt")) as elastic:
        [url] = settings.ELASTICSEARCH_HOSTS
        settings.ELASTICSEARCH_CA_CERTS = str(certs / "ca.crt")
        set_up(settings, elastic)
        signed_in("ada")

        http, no_ca = {"ELASTICSEARCH_HOSTS": [url.replace("https:", "http:")]}, {"ELASTICSEARCH_CA_CERTS": ""}
        for wrong, sentence in ((http, setup_problems.HTTPS_REQUIRED), (no_ca, setup_problems.UNTRUSTED)):
            with override_settings(**wrong):
                response = Client().post("/login", {"username": "ada", "password": PASSWORD})
                assert (response.status_code, sentence in unescape(response.content.decode())) == (503, True)
                ready = Client().get("/readyz")
                assert (ready.status_code, ready.content.decode()) == (503, sentence)
                with pytest.raises(CommandError) as refused:
                    call_command("setup_cluster", stdout=io.StringIO())
                assert (refused.value.returncode, sentence in str(refused.value)) == (78, True)


def test_required_client_certificate(
    node_with: NodeWith, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node sends its CA with its certificate, as one that has configured itself, and requires a certificate of that CA."""
    authority, certs = make("authority", is_authority=True), tmp_path / "node-1/config/certs"
    node, ours, other = make("node", by=authority), make("usermgmt", by=authority), make("usermgmt")
    certs.mkdir(parents=True)
    (certs / "ca.crt").write_bytes(authority.pem)
    (certs / "node.crt").write_bytes(node.pem + authority.pem)
    (certs / "node.key").write_bytes(node.key_pem)
    for name, identity in (("ours", ours), ("other", other)):
        (tmp_path / f"{name}.crt").write_bytes(identity.pem)
        (tmp_path / f"{name}.key").write_bytes(identity.key_pem)
    https = {
        "enabled": "true",
        "key": "certs/node.key",
        "certificate": "certs/node.crt",
        "certificate_authorities": "certs/ca.crt",
        "client_authentication": "required",
    }

    def certificate(name: str) -> dict[str, str]:
        return {
            "ELASTICSEARCH_CLIENT_CERTFILE": str(tmp_path / f"{name}.crt") if name else "",
            "ELASTICSEARCH_CLIENT_KEYFILE": str(tmp_path / f"{name}.key") if name else "",
        }

    def cluster_with_certificate(*args: Any, **options: Any) -> Cluster:
        cluster = Cluster(*args, **options, ca_certs=certs / "ca.crt")
        cluster.tls |= {"client_cert": str(tmp_path / "ours.crt"), "client_key": str(tmp_path / "ours.key")}
        return cluster

    def reset(username: str) -> Ended:
        with override_settings():  # the command changes settings
            return in_process(monkeypatch)("-u", username, "-b", "-s", "-f", "--es-path-conf", str(certs.parent))

    node_settings = {f"xpack.security.http.ssl.{name}": value for name, value in https.items()}
    with node_with(node_settings, cluster_with_certificate) as elastic:
        for name, value in certificate("ours").items():
            setattr(settings, name, value)
        settings.ELASTICSEARCH_CA_FINGERPRINT = authority.certificate.fingerprint(SHA256()).hex()
        set_up(settings, elastic)
        shown = page(signed_in("ada"), "/system/")
        known, soon = settings.ELASTICSEARCH_CA_FINGERPRINT, "expires within 30 days. Renew it in"
        assert re.search(rf"with the fingerprint {known} : CN=authority, expires .* {soon} Elasticsearch, ", shown)
        assert re.search(rf"Client certificate in {tmp_path}/ours.crt: CN=usermgmt, expires .* {soon} ELASTICSEARCH_CLIENT", shown)
        PersonClient("ada", PASSWORD).put_user(username="jdoe", password=PASSWORD, roles=[])
        assert reset("jdoe").code == 0

        ada = PersonClient("ada", PASSWORD)
        calls: tuple[Callable[[], object], ...] = (ada.authenticate, partial(ada.delete_user, username="jdoe"))
        for wrong in (certificate(""), certificate("other")):
            with override_settings(**wrong):
                for call in calls:
                    with pytest.raises(errors.TlsMismatch) as mismatch:
                        call()
                    assert mismatch.value.problem == setup_problems.CLIENT_CERTIFICATE
                ready = Client().get("/readyz")
                assert (ready.status_code, ready.content.decode()) == (503, setup_problems.CLIENT_CERTIFICATE)
                with pytest.raises(SystemCheckError, match=re.escape(setup_problems.CLIENT_CERTIFICATE)):
                    call_command("check", "--deploy", "--tag", "cluster")
                with pytest.raises(CommandError) as refused:
                    call_command("setup_cluster", stdout=io.StringIO())
                assert (refused.value.returncode, setup_problems.CLIENT_CERTIFICATE in str(refused.value)) == (78, True)
                ended = reset("jdoe")
                assert (ended.code, setup_problems.CLIENT_CERTIFICATE in ended.err) == (69, True)
        assert elastic.security.get_user(username="jdoe")
        with override_settings(ELASTICSEARCH_CA_FINGERPRINT="0" * 64):
            ready = Client().get("/readyz")
            assert (ready.status_code, ready.content.decode()) == (503, setup_problems.OTHER_FINGERPRINT)


ANONYMOUS = "xpack.security.authc.anonymous"


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, url
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


def save(client: Client, username: str, **changes: object) -> int:
    """Edit a user in the form; the status of the answer."""
    url = f"/users/edit/{username}"
    return client.post(url, posted(client, url, **changes)).status_code


def test_anonymous_access(node_with: NodeWith, settings: Settings) -> None:
    """The anonymous user has the role `everybody`, which doesn't exist at first."""
    with node_with({f"{ANONYMOUS}.roles": "everybody"}) as elastic:
        set_up(settings, elastic)
        elastic.security.put_user(username="joe", password=PASSWORD, roles=[])
        joe, otto, auditor = PersonClient("joe", PASSWORD), signed_in("otto"), PersonClient("otto", PASSWORD)
        assert roles.anonymous_access(auditor) == AnonymousAccess("_anonymous", ("everybody",))
        assert "also have the role everybody ." in page(otto, "/users/access/joe")
        assert "Role everybody doesn't exist and grants no privileges, unless it is defined in a file (roles.yml)" in page(
            otto, "/users/access/joe"
        )
        assert "All users have this role, and so do requests without credentials" in page(otto, "/roles/view/everybody")
        assert_is_found(elastic, auditor, "anonymous-access")

        elastic.security.put_role(name="everybody", indices=[{"names": ["logs-*"], "privileges": ["read"]}], cluster=["monitor"])
        assert "logs-* : read Granted by everybody from anonymous access" in page(otto, "/users/access/joe")
        assert "All users have this privilege, and so do requests without" in page(otto, "/roles/who-can?privilege=monitor")
        answer = page(otto, "/roles/who-can?privilege=read_ccr")
        assert "All users have" not in answer
        # Only `monitor` and `read_security` together imply it.
        assert joe.has_privileges(cluster=["read_ccr"])["has_all_requested"] is False
        assert auditor.has_privileges(cluster=["read_ccr"])["has_all_requested"] is True
        assert re.search(r"otto .*everybody", answer)
        assert "joe" not in answer
        assert_is_found(elastic, auditor, "anonymous-access")
        assert not {row.username: row for row in exports.rows(auditor, UserQuery())}["joe"].can_manage_users
        assert "Anonymous access On 1 role, which all users also have No" in page(otto, "/access/")

        elastic.security.put_role(name="everybody", cluster=["manage_security"])
        names = {user["username"] for user in elastic.security.query_user(size=1000)["users"]} | set(users.RESERVED_USERNAMES)
        assert joe.has_privileges(cluster=["manage_security"])["has_all_requested"] is True
        answer = page(otto, "/roles/who-can?privilege=manage_security")
        assert f"{len(names)} users have this privilege" in answer
        assert "All users have this privilege, and so do requests without credentials" in answer
        listing = exports.Listing(auditor, UserQuery())
        assert {row.username: row.can_manage_users for row in listing} == dict.fromkeys(names, True)
        assert listing.completeness("").anonymous_access == "on: every user also has the roles of _anonymous: everybody"
        assert "_anonymous: everybody" in page(otto, "/users/print")
        assert "Anonymous access On 1 role, which all users also have Yes" in page(otto, "/access/")
        run = assert_is_found(elastic, auditor, "anonymous-changes")
        assert {row.username for row in findings_rows.read(run.chunks["managers"])} == names
        assert "Anonymous access beyond read privileges" in page(otto, "/findings/view/anonymous-changes")
        # They can't lose what everybody has.
        assert save(signed_in("joe"), "joe", roles=["viewer"]) == 302


def assert_is_found(elastic: Elasticsearch, client: PersonClient, slug: str) -> findings.Run:
    """That the anonymous user is in this finding alone."""
    run = findings.start(client)
    while not run.finished:
        run = findings.advance(client, run.id)
    assert [name for name in ("anonymous-access", "anonymous-changes") if run.count(name)] == [slug]
    [row] = findings_rows.read(run.chunks[slug])
    assert (row.username, row.roles) == ("_anonymous", ("everybody",))
    return run


@pytest.mark.parametrize("authz_exception", ["true", "false"])
def test_sign_in_with_anonymous_access(
    node_with: NodeWith, settings: Settings, authz_exception: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    anonymous = {"roles": "superuser", "username": "guest", "authz_exception": authz_exception}
    with node_with({f"{ANONYMOUS}.{name}": value for name, value in anonymous.items()}) as elastic:
        set_up(settings, elastic)
        elastic.security.put_user(username="joe", password=PASSWORD, roles=[])
        assert roles.anonymous_access(PersonClient("joe", PASSWORD)) == AnonymousAccess("guest", ("superuser",))
        wrong = (("joe", "wrong"), ("joe", ""), ("", ""), ("guest", ""), ("guest", PASSWORD), ("nobody", PASSWORD))
        for username, password in wrong:
            browser = Client()
            answer = browser.post("/login", {"username": username, "password": password})
            assert (answer.status_code, "sessionid" in answer.cookies) == (200, False), username
            with pytest.raises(errors.AuthenticationFailed):
                PersonClient(username, password).authenticate()
        settings.ELASTICSEARCH_API_KEY, key = "not a key", settings.ELASTICSEARCH_API_KEY
        with pytest.raises(errors.NotSetUp):
            service_client().cluster.state(metric="version")
        settings.ELASTICSEARCH_API_KEY = key

        joe = signed_in("joe")
        assert "joe" in page(joe, "/account/")
        # A proxy loses the credentials of people.
        with monkeypatch.context() as proxy:
            proxy.setattr(PersonClient, "_of_request", lambda _: {})
            assert "A proxy in front of Elasticsearch removes the credentials" in page(joe, "/account/", 503)
            change = {"current_password": "wrong", "password": f"{PASSWORD}-2", "confirm_password": f"{PASSWORD}-2"}
            assert joe.post("/account/change-password", change).status_code == 503
            for password in (PASSWORD, "wrong"):
                answer = Client().post("/login", {"username": "joe", "password": password})
                assert "A proxy in front of Elasticsearch removes the credentials" in answer.content.decode()
                assert "sessionid" not in answer.cookies
        assert "joe" in page(joe, "/account/")


def test_challenges_of_a_node_with_tokens(node_with: NodeWith, settings: Settings) -> None:
    """As every node with TLS has them: a 401 of usermgmt itself has the same ones."""
    with node_with({"xpack.security.authc.token.enabled": "true"}) as elastic:
        set_up(settings, elastic)
        with pytest.raises(AuthenticationException) as rejected:
            elastic.options(basic_auth=basic("x", "wrong")).security.authenticate()
        challenges = rejected.value.body["error"]["header"]["WWW-Authenticate"]
        assert 'Bearer realm="security"' in challenges
        response = Client().put("/_security/user/x", {}, content_type="application/json")
        assert response.status_code == 401
        assert response.json()["error"]["header"]["WWW-Authenticate"] == challenges
        assert [value for name, value in response.items() if name == "Www-Authenticate"] == challenges
