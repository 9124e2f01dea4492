"""An auditor sees the same pages without anything that changes. (What is forged all the same: test_permissions.py.)"""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.support.nodes import TestNode


@pytest.fixture
def otto(node: TestNode, signed_in: Callable[..., Client]) -> Client:
    node.put_user("jdoe", roles=["viewer"])
    return signed_in("otto")


@pytest.mark.parametrize("url", ["/users/", "/users/edit/jdoe", "/users/edit/elastic"])
def test_the_pages_hold_nothing_that_changes(otto: Client, url: str) -> None:
    page = otto.get(url).content.decode()
    assert "jdoe" in page or "elastic" in page
    for hook in (
        "createUserButton",
        "deleteUserButton",
        "checkboxSelectRow",
        "ChangePasswordButton",
        "DisableUserButton",
        "DeleteUserButton",
    ):
        assert hook not in page
    assert "Update user" not in page
    assert "/users/create" not in page


def test_an_auditor_reads_what_an_administrator_reads(node: TestNode, otto: Client) -> None:
    node.put_user("jdoe", full_name="Jane", email="jane@example.org", roles=["viewer", "nope"], enabled=False)
    page = otto.get("/users/edit/jdoe").content.decode()
    for part in ("Jane", "jane@example.org", "viewer", "nope", "This user has been deactivated"):
        assert part in page
