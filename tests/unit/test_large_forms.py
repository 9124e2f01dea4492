"""Forms that are too large to be processed."""

import resource
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

URLENCODED = "application/x-www-form-urlencoded"
TYPED = [
    ("csrfmiddlewaretoken", "canary-token"),
    ("full_name", "Jörg <b>"),
    ("password", "canary-password"),
    ("seen", "canary-seen"),
]


def post(fields: list[tuple[str, str]]) -> Any:
    return Client().post("/login", urlencode(fields), content_type=URLENCODED)


@pytest.mark.parametrize("roles", [["viewer"] * 60, ["x" * 70_000, "viewer"]], ids=["fields", "bytes"])
def test_a_limit_is_explained_and_keeps_what_was_typed(settings: Settings, roles: list[str]) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50, 60_000
    response = post([*TYPED, *(("roles", role) for role in roles)])
    page = response.content.decode()
    assert response.status_code == 413
    assert "Nothing was changed. A form can have up to 50 fields and selected items" in page
    assert "<dt>Full name</dt><dd>Jörg &lt;b&gt;</dd>" in page
    assert page.count("<dt>") == 1
    assert "canary" not in page


def test_forms_with_files_are_explained(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile("x.zip", b"x") for _ in range(3)]
    response = Client().post("/login", {"one": files})
    assert response.status_code == 413
    assert "Nothing was changed." in response.content.decode()


@pytest.fixture
def full_disk() -> Iterator[int]:
    """As if no file fitted on it that is larger than this."""
    size, before = 100_000, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    yield size
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


# The end of a file of such a size is written only when it is complete.
@pytest.mark.parametrize("excess", [1, 1_000_000])
@pytest.mark.parametrize("checks_csrf", [True, False])
def test_a_full_disk_is_explained(settings: Settings, full_disk: int, excess: int, checks_csrf: bool) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = full_disk // 2
    client = Client(enforce_csrf_checks=checks_csrf)
    client.get("/login")  # with its cookie, the form is read for its token
    response = client.post("/login", {"file": SimpleUploadedFile("x.csv", b"x" * (full_disk + excess))})
    assert response.status_code == 507
    assert "The temporary folder of the server is full" in response.content.decode()


def test_a_form_may_have_thousands_of_roles() -> None:
    name = "x" * 507
    fields = [*TYPED, *(("roles", name) for _ in range(3000)), ("seen", name * 3000)]
    assert post(fields).status_code == 200, "the sign-in page, with errors"


def test_a_url_that_is_too_long_to_go_back_to() -> None:
    response = Client().get("/users/", {"role": ["x" * 500] * 50})
    assert (response.status_code, response.headers["Location"]) == (302, "/login?next=%2F")
