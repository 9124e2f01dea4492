"""Findings on a real node: each situation is made, found, mended and not found any more, with the rights of an auditor."""

import base64
import html
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from elasticsearch import ApiError, Elasticsearch
from pytest_django import Settings

from accounts.services import audit, errors, findings, passwords, realms, users
from accounts.services.api_keys import pages as key_pages
from accounts.services.audit.events import Event
from accounts.services.client import PersonClient
from accounts.services.documents import batches, indices, store
from accounts.services.findings import Row, rows, runs, steps, user_pages
from accounts.services.realms import Realm
from accounts.services.users import Flag, User, UserQuery
from accounts.views import findings as finding_views
from tests.support.api_keys import rewrite
from tests.support.cast import PASSWORD
from tests.support.findings import run_through
from tests.support.nodes import TestNode
from tests.support.pages import text


@pytest.fixture
def otto(person: Callable[[str], PersonClient], node: TestNode) -> PersonClient:
    """An auditor, on a node without earlier runs."""
    node.elastic.indices.delete(index=indices.FINDINGS, ignore_unavailable=True, expand_wildcards="all")
    return person("otto")


@pytest.fixture
def ada(person: Callable[[str], PersonClient]) -> PersonClient:
    return person("ada")


def found(run: findings.Run, slug: str) -> dict[str, Row]:
    """Who was found, by user name."""
    return {row.username: row for row in rows.read(run.chunks.get(slug, []))}


def as_user(node: TestNode, username: str) -> Elasticsearch:
    """The client of a user."""
    header = "Basic " + base64.b64encode(f"{username}:{PASSWORD}".encode()).decode()
    return node.elastic.options(headers={"authorization": header})


def works(node: TestNode, encoded_key: str) -> bool:
    """Whether the API key is accepted, and what its owner could do can be done with it."""
    try:
        Elasticsearch(node.url, api_key=encoded_key).security.get_user(username="elastic")
    except ApiError:
        return False
    return True


@pytest.mark.parametrize("leave", ["disable_user", "delete_user"])
def test_a_key_outlives_its_owner(node: TestNode, otto: PersonClient, leave: str) -> None:
    for name in ("leaver", "stayer"):
        node.put_user(name, roles=["user_admin"])
    orphan = as_user(node, "leaver").security.create_api_key(name="=cron", refresh=True)
    as_user(node, "stayer").security.create_api_key(name="of somebody who is there", refresh=True)
    assert "leaver" not in found(run_through(node, otto), "orphaned-keys")

    getattr(node.elastic.security, leave)(username="leaver")
    assert works(node, orphan["encoded"])
    orphans = found(run_through(node, otto), "orphaned-keys")
    assert "stayer" not in orphans
    assert orphans["leaver"].ref == orphan["id"]
    assert "\u201c=cron\u201d" in orphans["leaver"].details
    assert orphans["leaver"].has_page == (leave == "disable_user")

    node.elastic.security.invalidate_api_key(ids=[orphan["id"]])
    assert not works(node, orphan["encoded"])
    after = run_through(node, otto)
    assert "leaver" not in found(after, "orphaned-keys")
    assert "leaver" in found(after, "resolved:orphaned-keys")


def test_keys_of_administrators_that_never_expire(node: TestNode, otto: PersonClient) -> None:
    node.put_user("keyed", roles=["user_admin", "viewer"])
    owner = as_user(node, "keyed").security
    creating = {"cluster": ["cluster:admin/xpack/security/user/put"]}
    keys = {
        "all of the owner": owner.create_api_key(name="all of the owner", refresh=True)["id"],
        "one action": owner.create_api_key(name="one action", role_descriptors={"one": creating}, refresh=True)["id"],
    }
    others = {"expires": owner.create_api_key(name="expires", expiration="1d", refresh=True)["id"]}
    others["perhaps"] = owner.create_api_key(
        name="perhaps",
        role_descriptors={"one": {"cluster": ["cluster:admin/xpack/security/user/set_enabled"]}},
        refresh=True,
    )["id"]
    owner.create_api_key(name="watches", role_descriptors={"one": {"cluster": ["monitor"]}}, refresh=True)
    owner.create_api_key(
        name="beyond the owner",
        role_descriptors={"one": {"indices": [{"names": ["*"], "privileges": ["all"], "allow_restricted_indices": True}]}},
        refresh=True,
    )
    node.elastic.security.put_role(name="keeps_keys", cluster=["manage_own_api_key"])
    node.put_user("keyed", roles=["keeps_keys"])  # which changes nothing of the keys
    owner.create_api_key(name="of an ordinary user", role_descriptors={"one": creating}, refresh=True)
    run = run_through(node, otto)
    of_keyed = [row for row in rows.read(run.chunks["powerful-keys"]) if row.username == "keyed"]
    assert {row.ref for row in of_keyed} == set(keys.values())
    [one] = [row for row in of_keyed if row.ref == keys["one action"]]
    assert "never expires. Can create and update users (cluster:admin/xpack/security/user/put)." in one.details
    more = {row.ref: row.details for row in rows.read(run.chunks["administrator-keys"]) if row.username == "keyed"}
    assert more.keys() == set(others.values())
    assert "Can manage users and roles (manage_security)." in more[others["expires"]]
    assert "Not known whether this works in this cluster." in more[others["perhaps"]]

    node.elastic.security.invalidate_api_key(username="keyed")
    after = run_through(node, otto)
    for slug in ("powerful-keys", "administrator-keys"):
        assert not [row for row in rows.read(after.chunks.get(slug, [])) if row.username == "keyed"]


def of_keys(run: findings.Run, slug: str, ids: Collection[str]) -> dict[str, Row]:
    """Those of these keys that were found, by ID."""
    return {row.ref: row for row in rows.read(run.chunks.get(slug, [])) if row.ref in ids}


def test_keys_that_never_expire_are_old_or_can_do_more_than_their_owner(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="shrinks", cluster=["manage_own_api_key", "monitor"])
    node.put_user("keyed", roles=["user_admin"])
    node.put_user("shrinking", roles=["shrinks"])
    owner = as_user(node, "keyed").security
    lasting = owner.create_api_key(name="lasting", refresh=True)["id"]
    old = owner.create_api_key(name="old", expiration="10d", refresh=True)["id"]
    shrunk = as_user(node, "shrinking").security.create_api_key(name="shrunk", expiration="10d", refresh=True)["id"]
    rewrite(node, old, creation_time=datetime.now(UTC) - timedelta(days=366))
    ids = {lasting, old, shrunk}
    run = run_through(node, otto)
    assert of_keys(run, "lasting-keys", ids).keys() == {lasting}
    assert of_keys(run, "old-keys", ids).keys() == {old}
    assert not of_keys(run, "excessive-keys", ids)

    node.put_user("keyed", roles=["viewer"])
    node.elastic.security.put_role(name="shrinks", cluster=["manage_own_api_key"])
    excessive = of_keys(run_through(node, otto), "excessive-keys", ids)
    assert excessive.keys() == ids
    assert "The owner doesn't have the role anymore: user_admin. Cluster privileges: manage users" in excessive[old].details
    assert "The role grants less now: shrinks. Cluster privileges: view cluster state" in excessive[shrunk].details

    node.put_user("keyed", roles=["user_admin"])
    node.elastic.security.invalidate_api_key(ids=list(ids - {lasting}))
    mended = run_through(node, otto)
    assert not of_keys(mended, "excessive-keys", ids)
    assert not of_keys(mended, "old-keys", ids)
    node.elastic.security.invalidate_api_key(ids=[lasting])
    assert not of_keys(run_through(node, otto), "lasting-keys", ids)
    node.elastic.security.delete_role(name="shrinks")


def test_keys_of_realms_that_do_not_exist(node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("keyed", roles=["user_admin"])
    key = as_user(node, "keyed").security.create_api_key(name="of corp", refresh=True)["id"]
    rewrite(node, key, creator={"realm": "corp", "realm_type": "ldap"})
    unknown = [row for row in rows.read(run_through(node, otto).chunks["keys-of-missing-realms"]) if row.key == "corp"]
    assert [row.badges for row in unknown] == [("No information",)], "an auditor can't read the realms"

    node.elastic.security.put_role(name="watches_realms", cluster=["monitor", "read_security"])
    node.put_user("watcher", roles=["watches_realms"])
    watcher = PersonClient("watcher", PASSWORD)
    row = of_keys(run_through(node, watcher), "keys-of-missing-realms", {key})[key]
    assert row.details.endswith("Owner keyed of the realm corp.")
    with monkeypatch.context() as corp_exists:
        corp_exists.setattr(realms, "configured", lambda client: [Realm("corp", "ldap")])
        assert not of_keys(run_through(node, watcher), "keys-of-missing-realms", {key})
    node.elastic.security.invalidate_api_key(ids=[key])
    assert not of_keys(run_through(node, watcher), "keys-of-missing-realms", {key})
    node.elastic.security.delete_role(name="watches_realms")


def test_orphaned_key_of_deactivated_reserved_user(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.change_password(username="beats_system", password=PASSWORD)
    key = node.elastic.security.grant_api_key(
        grant_type="password", username="beats_system", password=PASSWORD, api_key={"name": "old"}, refresh=True
    )
    node.elastic.security.disable_user(username="beats_system")
    assert found(run_through(node, otto), "orphaned-keys")["beats_system"].badges == ("Reserved", "Deactivated")
    node.elastic.security.invalidate_api_key(ids=[key["id"]])
    node.elastic.security.enable_user(username="beats_system")
    assert "beats_system" not in found(run_through(node, otto), "orphaned-keys")


def test_administrators_and_missing_emails(node: TestNode, otto: PersonClient) -> None:
    node.put_user("boss", roles=["viewer", "user_admin"])
    node.put_user("clerk", roles=["viewer"])
    run = run_through(node, otto)
    assert found(run, "managers")["boss"].roles == ("user_admin",)
    assert found(run, "managers")["elastic"].roles == ("superuser",)
    assert "boss" in found(run, "no-email")
    assert not {"clerk", "elastic"} & found(run, "no-email").keys()

    node.put_user("boss", roles=["viewer", "user_admin"], email="boss@example.org")
    assert "boss" not in found(run_through(node, otto), "no-email")
    node.put_user("boss", roles=["viewer"], email="boss@example.org")
    assert "boss" not in found(run_through(node, otto), "managers")


def test_ways_to_become_an_administrator(node: TestNode, otto: PersonClient) -> None:
    node.elastic.security.put_role(name="creator", cluster=["cluster:admin/xpack/security/user/put"])
    node.elastic.security.put_role(name="keeper", cluster=["manage"])
    node.put_user("riser", roles=["creator", "viewer"])
    node.put_user("restorer", roles=["keeper"])
    node.put_user("boss", roles=["user_admin", "creator"])
    run = run_through(node, otto)
    [riser] = found(run, "escalation").values()
    assert (riser.username, riser.roles) == ("riser", ("creator",))
    assert riser.details == "Can create and update users (cluster:admin/xpack/security/user/put)"
    [restorer] = found(run, "possible-escalation").values()
    assert restorer.details == "Can restore snapshots (manage). Not known whether this works in this cluster"
    assert not {"riser", "restorer"} & found(run, "managers").keys()

    for role in ("creator", "keeper"):
        node.elastic.security.put_role(name=role, cluster=["monitor"])
    mended = run_through(node, otto)
    assert not found(mended, "escalation")
    assert not found(mended, "possible-escalation")


def test_roles_that_do_not_exist_or_are_deprecated(node: TestNode, otto: PersonClient) -> None:
    node.put_user("jdoe", roles=["viewer", "nope", "kibana_user"])
    run = run_through(node, otto)
    assert found(run, "unknown-roles")["jdoe"].roles == ("nope",)
    assert found(run, "deprecated")["jdoe"].roles == ("kibana_user",)
    assert "kibana_admin" in found(run, "deprecated")["jdoe"].details

    node.put_user("jdoe", roles=["viewer"])
    run = run_through(node, otto)
    assert "jdoe" not in found(run, "unknown-roles") | found(run, "deprecated")


def test_deprecated_reserved_user(node: TestNode, otto: PersonClient) -> None:
    run = run_through(node, otto)
    assert "deprecated" in found(run, "deprecated")["kibana"].details
    assert {"elastic", "kibana"} <= found(run, "built-in").keys()
    node.elastic.security.disable_user(username="kibana")
    run = run_through(node, otto)
    assert "kibana" not in found(run, "deprecated") | found(run, "built-in")
    node.elastic.security.enable_user(username="kibana")


def sign_in_of(node: TestNode, username: str, moment: datetime) -> str:
    """Put a sign-in of that moment into the trail; its document's id."""
    event = replace(Event.now(audit.Actor(username), "sign-in", username, "user", outcome="success"), moment=moment)
    node.elastic.index(index=event.index, id=event.id, document=event.document(), refresh=True)
    return event.id


def test_inactive_users(node: TestNode, otto: PersonClient, ada: PersonClient) -> None:
    for name in ("stranger", "sleeper", "walker", "gone"):
        node.put_user(name, enabled=name != "gone")
    users.create(ada, User("newcomer"), PASSWORD)
    old = datetime.now(UTC) - timedelta(days=91)
    documents = [sign_in_of(node, "sleeper", old), sign_in_of(node, "walker", old + timedelta(days=2))]
    unseen = found(run_through(node, otto), "unseen")
    begins = audit.trail_start()
    assert begins
    assert unseen["stranger"].details == f"No recorded sign-in. The audit trail starts on {begins:%Y-%m-%d}."
    assert unseen["sleeper"].details == f"Last sign-in {old:%Y-%m-%d}."
    assert unseen["newcomer"].details.startswith("No sign-in since the user was created on ")
    assert not {"walker", "gone", "elastic"} & unseen.keys()

    node.elastic.security.activate_user_profile(grant_type="password", username="stranger", password=PASSWORD)
    node.elastic.security.disable_user(username="newcomer")
    documents.append(sign_in_of(node, "sleeper", datetime.now(UTC)))
    assert not {"stranger", "sleeper", "newcomer"} & found(run_through(node, otto), "unseen").keys()
    for id in documents:
        node.elastic.delete(index=f"{indices.AUDIT}-{datetime.now(UTC):%Y.%m}", id=id, refresh=True)


def listed(client: PersonClient, *flags: Flag, password_days: int = 0) -> set[str]:
    query = UserQuery(flags=flags, password_days=password_days, size=100)
    return {user.username for user in users.list_page(client, query).users}


def exported(client: PersonClient, *flags: Flag, password_days: int = 0) -> set[str]:
    query = UserQuery(flags=flags, password_days=password_days)
    return {user.username for batch, _, _ in users.batches(client, query, len) for user in batch}


def test_passwords_old_or_of_unknown_age(
    node: TestNode, otto: PersonClient, ada: PersonClient, signed_in: Callable[..., Client], settings: Settings
) -> None:
    for name in ("aged", "stranger"):
        node.put_user(name)
    users.create(ada, User("newcomer"), PASSWORD)
    old = datetime.now(UTC) - timedelta(days=400)
    event = replace(Event.now(audit.Actor("ada"), "password-change", "aged", "user", outcome="success"), moment=old)
    index = f"{indices.AUDIT}-{datetime.now(UTC):%Y.%m}"
    node.elastic.index(index=index, id=event.id, document=event.document(), refresh=True)
    run = run_through(node, otto)
    assert found(run, "old-passwords")["aged"].details == f"Last changed on {old:%Y-%m-%d}, more than 365 days ago."
    assert found(run, "unknown-passwords")["stranger"].details.startswith("No recorded change. The audit trail starts on ")
    assert not {"aged", "newcomer", "elastic"} & found(run, "unknown-passwords").keys()
    assert found(run, "old-passwords").keys() == {"aged"}
    assert listed(otto, "password-1-year") == listed(otto, "password-90-days") == {"aged"}
    assert "stranger" in listed(otto, "password-age-unknown")
    assert not {"aged", "newcomer"} & listed(otto, "password-age-unknown")
    assert exported(otto, "password-1-year") == {"aged"}
    for days, names in ((399, {"aged"}), (401, set())):
        assert listed(otto, password_days=days) == exported(otto, password_days=days) == names
    settings.OLD_PASSWORD_DAYS = 401
    assert "old-passwords" not in run_through(node, otto).chunks
    browser = signed_in("otto")
    assert 'href="/users/?status=active&kind=native&password_days=401"' in text(browser, "/findings/view/old-passwords")
    settings.OLD_PASSWORD_DAYS = 399
    assert found(run_through(node, otto), "old-passwords")["aged"].details.endswith("more than 399 days ago.")

    for name in ("aged", "stranger"):
        passwords.change(ada, name, "Vq7-another-password")
    run = run_through(node, otto)
    assert "aged" not in found(run, "old-passwords")
    assert "stranger" not in found(run, "unknown-passwords")
    assert not {"aged", "stranger"} & (listed(otto, "password-90-days") | listed(otto, "password-age-unknown"))
    node.elastic.delete(index=index, id=event.id, refresh=True)


def test_shared_email(node: TestNode, otto: PersonClient) -> None:
    for name, email in (("anna", "anna@example.org"), ("anna2", "Anna@Example.org"), ("bob", "bob@example.org"), ("none", None)):
        node.put_user(name, email=email)
    shared = found(run_through(node, otto), "shared-email")
    assert shared.keys() == {"anna", "anna2"}
    assert shared["anna"].details == "anna@example.org, also used by anna2."
    node.put_user("anna2", email="other@example.org")
    assert not found(run_through(node, otto), "shared-email")


def test_names_that_differ_only_in_case(node: TestNode, otto: PersonClient) -> None:
    for name in ("Anna", "anna", "ELASTIC", "bob"):
        node.put_user(name)
    similar = found(run_through(node, otto), "similar-names")
    assert {name: row.details for name, row in similar.items()} == {
        "Anna": "Similar to anna.",
        "anna": "Similar to Anna.",
        "ELASTIC": "Similar to elastic.",
        "elastic": "Similar to ELASTIC.",
    }
    for name in ("Anna", "ELASTIC"):
        node.elastic.security.delete_user(username=name)
    assert not found(run_through(node, otto), "similar-names")


def test_a_change_of_unknown_outcome(node: TestNode, otto: PersonClient, ada: PersonClient) -> None:
    with pytest.raises(errors.OutcomeUnknown), audit.recorded(ada, audit.Action.USER_DISABLE, "lost-one") as event:
        raise errors.OutcomeUnknown("the answer was lost")
    with audit.recorded(ada, audit.Action.USER_DISABLE, "in-progress"):
        rows = found(run_through(node, otto), "unknown-outcomes")
    assert "in-progress" not in rows
    row = rows["lost-one"]
    assert row.ref == event.id
    assert row.details.startswith("Deactivate user by ada on ")
    verification = event.at("verified", "success")
    node.elastic.index(index=event.index, id=f"{event.id}-verified", document=verification.document(), refresh=True)
    assert "lost-one" not in found(run_through(node, otto), "unknown-outcomes")


def test_run_has_new_and_resolved_and_is_recorded(node: TestNode, otto: PersonClient, ada: PersonClient) -> None:
    node.put_user("first", roles=["nope"])
    assert run_through(node, otto).previous == ""
    node.put_user("second", roles=["nope"])
    node.elastic.security.delete_user(username="first")
    run = run_through(node, ada)
    assert found(run, "new:unknown-roles").keys() == {"second"}
    assert found(run, "resolved:unknown-roles").keys() == {"first"}
    assert steps.STATE not in run.chunks
    node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
    event = audit.search(audit.Query(action="finding-run", size=1)).events[0]
    assert (event.actor.username, event.target, event.details["unknown-roles"]) == ("ada", run.id, "1")
    assert int(event.details["users"]) == run.totals["users"] == len(node.usernames()) + len(users.RESERVED_USERNAMES)


def test_roles_that_grant_more(node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
    def roles_found(run: findings.Run) -> dict[str, Row]:
        return {row.key: row for row in rows.read(run.chunks.get("changed-roles", []))}

    put_role = node.elastic.security.put_role
    for name in ("grows", "shrinks", "stays"):
        put_role(name=name, cluster=["monitor", "manage_ilm"])
    first = run_through(node, otto)
    assert not first.has_compared_roles
    assert not roles_found(first)
    browser = signed_in("otto")
    assert "Not compared" in browser.get("/findings/").content.decode()
    assert "Nothing to compare with" in browser.get("/findings/view/changed-roles").content.decode()

    put_role(name="grows", cluster=["monitor", "manage_ilm", "manage_security"])
    put_role(name="shrinks", cluster=["monitor", "read_ilm"])
    put_role(name="reads", cluster=["monitor"])
    put_role(name="boss", run_as=["ada"])
    second = run_through(node, otto)
    found = roles_found(second)
    assert found.keys() == {"grows", "boss"}
    since = f"{first.started:%Y-%m-%d %H:%M} UTC"
    assert found["grows"].details.startswith(
        f"Grants more since {since}: Cluster privileges: manage users, roles, and API keys (manage_security). How its holders"
    )
    assert found["boss"].details.startswith(f"New since {since}. How its holders can become administrators: Can act as")
    page = browser.get("/findings/view/changed-roles").content.decode()
    assert '<a href="/roles/view/grows" class="clamp">grows</a>' in page
    assert "Compared with previous run" not in page, "it is a comparison itself"

    put_role(name="grows", cluster=["monitor", "manage_ilm"])
    third = run_through(node, otto)
    assert third.has_compared_roles
    assert not roles_found(third)
    assert not third.count("resolved:changed-roles")

    put_role(name="stays", cluster=["all"])
    store.put(indices.FINDINGS, third.id, without_roles(third), third.version, refresh=True)
    after_an_update = run_through(node, otto)
    assert not after_an_update.has_compared_roles
    assert not roles_found(after_an_update)
    assert after_an_update.previous == third.id


def without_roles(run: findings.Run) -> dict[str, Any]:
    """The run as an earlier version stored it."""
    body = run.body()
    return {**body, "chunks": {name: chunks for name, chunks in body["chunks"].items() if name != "roles"}}


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users (or keys) to a page, two pages to a portion."""
    monkeypatch.setattr(user_pages, "PAGE_SIZE", 2)
    monkeypatch.setattr(key_pages, "PAGE_SIZE", 2)
    monkeypatch.setattr(steps, "PAGES_PER_BATCH", 2)
    monkeypatch.setattr(steps, "MAX_COMPARED", 3)
    monkeypatch.setattr(rows, "CHUNK_SIZE", 3)


def test_batches_of_several_users_make_one_run(node: TestNode, otto: PersonClient, ada: PersonClient, small_batches: None) -> None:
    names = {f"user {number:02}" for number in range(11)}
    for name in names:
        node.put_user(name, roles=["nope"])
    node.elastic.security.delete_user(username=sorted(names)[0])
    node.put_user(sorted(names)[0], roles=["nope"])
    run = findings.start(otto)
    seen = []
    while not run.finished:
        seen.append(run.read.get("users", 0))
        run = findings.advance((otto, ada)[len(seen) % 2], run.id)
    assert [read for read in seen if read] == sorted(read for read in seen if read)
    assert len(set(seen)) > 4
    assert found(run, "unknown-roles").keys() == names
    assert found(run, "built-in").keys() == set(users.RESERVED_USERNAMES)
    assert [row.username for row in rows.page(run.chunks["unknown-roles"], 2, 5)] == sorted(names)[2:7]
    assert run.read == run.totals
    node.elastic.security.delete_user(username=sorted(names)[0])
    run = run_through(node, otto)
    assert found(run, "resolved:unknown-roles").keys() == {sorted(names)[0]}


def _advance(hosts: list[str], api_key: str, id: str, password: str) -> None:
    """In another process: read a portion, and die before it is committed."""
    settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_API_KEY = hosts, api_key
    batches.CLAIMED_FOR = timedelta(0)  # type: ignore[misc]
    steps._with_rows = lambda run, stored: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, return-value]
    user_pages.PAGE_SIZE, steps.PAGES_PER_BATCH = 2, 2  # type: ignore[misc]
    findings.advance(PersonClient("otto", password), id)


def test_a_process_that_is_killed_loses_nothing(node: TestNode, otto: PersonClient, ada: PersonClient, small_batches: None) -> None:
    names = {f"user {number}" for number in range(5)}
    for name in names:
        node.put_user(name, roles=["nope"])
    run = findings.advance(otto, findings.start(otto).id)
    process = multiprocessing.get_context("spawn").Process(
        target=_advance, args=(settings.ELASTICSEARCH_HOSTS, settings.ELASTICSEARCH_API_KEY, run.id, PASSWORD)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -9
    assert replace(findings.get(run.id), claimed_until=None) == run, "as it was before"
    while not run.finished:
        run = findings.advance(ada, run.id)
    assert found(run, "unknown-roles").keys() == names
    assert run.count("unknown-roles") == len(names), "nobody twice"


def test_two_at_once_do_nothing_twice(
    node: TestNode, otto: PersonClient, ada: PersonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.put_user("jdoe", roles=["nope"])
    run = findings.start(otto)
    assert findings.start(ada).id == run.id, "one run for all"
    monkeypatch.setitem(steps.BATCHES, "users", lambda client, run: _meanwhile(ada, run, client))
    after = findings.advance(otto, run.id)
    assert after.step == "keys"
    assert after.count("unknown-roles") == 1


def _meanwhile(other: PersonClient, run: findings.Run, client: PersonClient) -> steps.Batch:
    """Somebody else asks for the same portion: first while it is claimed, then after the claim has ended."""
    assert findings.advance(other, run.id).step == "users"
    portion = steps._users(client, run)
    stored = rows.save(portion.found)
    runs.write(steps._with_rows(replace(portion.run, version=run.version, claimed_until=None), [*stored.items()]))
    return portion


def test_denied_batch_leaves_the_run_to_others(node: TestNode, otto: PersonClient, person: Callable[[str], PersonClient]) -> None:
    run = findings.start(otto)
    with pytest.raises(errors.AccessDenied):
        findings.advance(person("norah"), run.id)
    assert not findings.get(run.id).is_claimed
    assert findings.advance(otto, run.id).step == "keys"


def test_old_runs_are_pruned(node: TestNode, otto: PersonClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_RUNS", 2)
    done = [run_through(node, otto).id for _ in range(4)]
    node.elastic.indices.refresh(index=indices.FINDINGS, expand_wildcards="all")
    assert [run.id for run in findings.history()] == done[:1:-1]
    kept = {id for id in done[2:] for chunks in findings.get(id).chunks.values() for id, _ in chunks} | set(done[2:])
    hits = node.elastic.search(index=indices.FINDINGS, size=1000, expand_wildcards="all")["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == kept


@pytest.mark.parametrize(
    ("slug", "row", "status"),
    [
        ("managers", Row("bob", "bob"), "Active"),
        ("managers", Row("bob", "bob", badges=("Deactivated",)), "Deactivated"),
        ("excessive-keys", Row("id", "bob", ref="id"), "Active"),
        ("excessive-keys", Row("id", "", ref="id"), ""),
        ("unknown-outcomes", Row("id", "bob", ref="id"), ""),
        ("mapping-unknown-roles", Row("m", "", ref="m"), ""),
    ],
)
def test_export_has_only_a_status_that_is_known(slug: str, row: Row, status: str) -> None:
    assert next(islice(finding_views._cells(findings.BY_SLUG[slug], [row]), 1, 2))[2] == status


class TestPages:
    """What an auditor sees and does."""

    def text(self, client: Client, url: str, **more: Any) -> str:
        response = client.get(url, **more)
        assert response.status_code == 200, response.content.decode()
        return b"".join(response).decode()

    def test_a_run_from_the_first_click_to_the_result(
        self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]
    ) -> None:
        node.put_user("jdoe", full_name="=Jane", roles=["nope"])
        browser = signed_in("otto")
        assert "No findings yet" in self.text(browser, "/findings/")
        assert browser.post("/findings/run").headers["Location"] == "/findings/"
        page = self.text(browser, "/findings/")
        assert "Reading users" in page
        id = findings.history()[0].id
        fragment = browser.post(f"/findings/resume/{id}", headers={"HX-Request": "true", "HX-Target": "findings-progress"})
        assert "<progress" in fragment.content.decode()
        assert "<main" not in fragment.content.decode()
        for _ in steps.BATCHES:
            assert browser.post(f"/findings/resume/{id}").headers["Location"] == "/findings/", "also without JavaScript"
            assert findings.get(id).finished or findings.get(id).step_label in self.text(browser, "/findings/"), "as it is now"
        page = self.text(browser, "/findings/")
        assert "Completed on" in page
        assert "by otto" in page
        page = self.text(browser, "/findings/view/unknown-roles")
        assert '<a href="/users/edit/jdoe" class="clamp">jdoe</a>' in page
        assert "Why it matters" in page
        csv = self.text(browser, f"/findings/export/unknown-roles?run={id}")
        assert csv.splitlines()[1] == "jdoe,'=Jane,Active,nope,,"
        node.elastic.indices.refresh(index=indices.AUDIT_PATTERN, expand_wildcards="all")
        assert audit.search(audit.Query(action="export", actor="otto", size=1)).events[0].target.startswith("unknown-roles-")

    def test_revoke_key_of_a_deleted_user(self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
        node.put_user("leaver", roles=["user_admin"])
        orphan = as_user(node, "leaver").security.create_api_key(name="cron", refresh=True)
        node.elastic.security.delete_user(username="leaver")
        run_through(node, otto)
        link = f'href="/api-keys/revoke/{orphan["id"]}"'
        assert link not in self.text(signed_in("otto"), "/findings/view/orphaned-keys")
        browser = signed_in("ada")
        assert link in self.text(browser, "/findings/view/orphaned-keys")
        url = f"/users/revoke-api-keys/leaver?id={orphan['id']}"
        assert "the deleted user leaver" in self.text(browser, url)
        assert works(node, orphan["encoded"])
        assert browser.post(url, {"id": orphan["id"], "reason": "has left"}).headers["Location"] == "/findings/view/orphaned-keys"
        assert not works(node, orphan["encoded"])
        assert browser.get(url).status_code == 404, "neither a user nor a key"

    def test_revoke_key_of_another_realm(self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]) -> None:
        """Its owner isn't in the list of users."""
        fleet: dict[str, Any] = {"namespace": "elastic", "service": "fleet-server", "name": "revoked"}
        token = node.elastic.security.create_service_token(**fleet)["token"]["value"]
        key = node.elastic.options(bearer_auth=token).security.create_api_key(name="of fleet", refresh=True)
        node.elastic.security.delete_service_token(**fleet)
        run_through(node, otto)
        browser, url = signed_in("ada"), f"/api-keys/revoke/{key['id']}"
        assert f'href="{url}"' in self.text(browser, "/findings/view/lasting-keys")
        assert browser.post(url, {"reason": "unknown use"}).headers["Location"] == f"/api-keys/view/{key['id']}"
        assert not of_keys(run_through(node, otto), "lasting-keys", [key["id"]])

    def test_pages_of_a_long_finding(
        self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("accounts.views.findings.PAGE_SIZE", 2)
        for number in range(5):
            node.put_user(f"user-{number}", roles=["nope"])
        run_through(node, otto)
        browser = signed_in("otto")
        page = self.text(browser, "/findings/view/unknown-roles?page=2")
        assert "user-2" in page
        assert "user-4" not in page
        assert "3–4 of 5" in page
        assert "5–5 of 5" in self.text(browser, "/findings/view/unknown-roles?page=99")
        assert "Administrators" in self.text(browser, f"/findings/?run={findings.history()[0].id}")
        for url in (
            "/findings/?run=gone",
            "/findings/view/nonsense",
            "/findings/view/managers?run=gone",
            "/findings/export/managers?run=gone",
        ):
            assert browser.get(url).status_code == 404
        assert browser.post("/findings/resume/gone").status_code == 404

    def test_users_of_a_finding_are_changed_together(
        self, node: TestNode, otto: PersonClient, signed_in: Callable[..., Client]
    ) -> None:
        for name in ("anna", "<b>"):
            node.put_user(name, roles=["nope"])
        run_through(node, otto)
        page = signed_in("ada").get("/findings/view/unknown-roles").content.decode()
        form = page[page.index('<form action="/users/jobs/create">') :].partition("</form>")[0]
        assert {html.unescape(name) for name in re.findall(r'name="username" value="([^"]*)"', form)} == {"anna", "<b>"}
        assert "Change 2 users" in form
        assert "/users/jobs/create" not in signed_in("otto").get("/findings/view/unknown-roles").content.decode()

    def test_findings_require_read_access(self, node: TestNode, signed_in: Callable[..., Client]) -> None:
        browser = signed_in("norah")
        for url in ("/findings/", "/findings/view/managers", "/findings/export/managers"):
            assert browser.get(url).status_code == 403
        for url in ("/findings/run", "/findings/resume/x"):
            assert browser.post(url).status_code == 403


def test_events_have_no_passwords(node: TestNode, ada: PersonClient, otto: PersonClient) -> None:
    users.create(ada, User("secretive"), PASSWORD)
    passwords.change(ada, "secretive", "another-secret")
    run = run_through(node, otto)
    kept = node.elastic.search(index=indices.FINDINGS, size=1000, expand_wildcards="all")["hits"]["hits"]
    assert "another-secret" not in str(kept) + str([list(rows.read_state(chunks)) for chunks in run.chunks.values()])
