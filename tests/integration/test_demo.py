"""The demo's sample on a node."""

from accounts.services import roles
from accounts.services.connection import Person
from demo.people import PEOPLE
from demo.sample import load_sample
from tests.conftest import PASSWORD, TestNode

PASSWORDS = {"admin": PASSWORD, "auditor": PASSWORD, "people": PASSWORD}


def test_the_sample_is_loaded_and_what_somebody_changed_stays(node: TestNode) -> None:
    load_sample(node.elastic, PASSWORDS)
    assert {person.username for person in PEOPLE} | {"admin", "auditor"} <= node.usernames()
    assert node.signs_in("admin", PASSWORD)

    node.elastic.security.put_user(username="admin", full_name="Changed", roles=["user_admin"])
    node.elastic.security.delete_user(username="auditor")
    load_sample(node.elastic, PASSWORDS)
    assert (node.user("admin") or {})["full_name"] == "Changed"
    assert node.user("auditor")


def test_one_role_is_deprecated_and_one_does_not_exist(node: TestNode) -> None:
    load_sample(node.elastic, PASSWORDS)
    known = roles.by_name(Person("admin", PASSWORD), [role for person in PEOPLE for role in person.roles])
    assert any(role.is_deprecated for role in known.values())
    assert any(role.is_unknown for role in known.values())
