"""The list of errors above a form."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.support.nodes import TestNode, one_version

pytestmark = one_version

METADATA = {"metadata-TOTAL_FORMS": "1", "metadata-INITIAL_FORMS": "0", "metadata-0-key": "_x", "metadata-0-type": "text"}
INVALID = {"email": "nowhere", "active_until": "soon", "roles": "gone", **METADATA}
PROFILE = ["Email address", "Active until"]
EVERY_FIELD = ["Username", *PROFILE, "Password", "Confirm password", "Roles", "Metadata"]


@pytest.mark.parametrize(
    ("url", "data", "labels"),
    [
        ("/users/create", {}, ["Username", "Password", "Confirm password"]),
        ("/users/create", {"username": "JDOE", **INVALID}, EVERY_FIELD),
        ("/users/edit/jdoe", {"seen": "", **INVALID}, [*PROFILE, "Roles", "Metadata"]),
        ("/users/jobs/create", {}, ["Users", "Action"]),
        ("/users/jobs/create", {"action": "add-roles"}, ["Users", "Roles"]),
        ("/reviews/create", {"due": "soon", "reviewers": "\n".join(map(str, range(51)))}, ["Title", "Due date", "Reviewers"]),
        ("/account/create-api-key", {"privilege": "all", "days": "1"}, ["Name", "Privilege", "Expires"]),
    ],
)
def test_errors_are_listed_in_the_order_of_the_fields(
    node: TestNode, signed_in: Callable[..., Client], url: str, data: dict[str, str], labels: list[str]
) -> None:
    node.put_user("jdoe")
    response = signed_in("ada").post(url, data)
    page = html.unescape(response.content.decode())
    assert response.status_code == 422, page
    links = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>: ', page)
    assert [label for _, label in links] == labels
    places = [page.index(f' id="{id}"') for id, _ in links]
    assert places == sorted(places)


def test_an_error_of_a_hidden_field_is_listed(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("jdoe")
    page = html.unescape(signed_in("ada").post("/users/edit/jdoe", {"full_name": "Jane"}).content.decode())
    assert "<li>The form is incomplete. Reload the page.</li>" in page
