import re
import string
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client
from django.urls import resolve, reverse
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.converters import RoleMappingConverter, UsernameConverter

converter = UsernameConverter()
names = st.text(alphabet=[chr(code) for code in range(32, 127)], min_size=1, max_size=507)


@given(names)
def test_every_name_survives_its_url(name: str) -> None:
    url = reverse("user_edit", args=[name])

    assert resolve(url).kwargs == {"username": name}
    assert urlsplit(f"http://host{url}").path == url, "neither query nor fragment"
    assert quote(url, safe="/~@") == url, "nothing that a browser or proxy would encode or decode"
    assert url.rsplit("/", 1)[1] not in ("", ".", "..")


@pytest.mark.parametrize("any_converter", [UsernameConverter(), RoleMappingConverter()])
@given(name=st.text(min_size=1) | st.text(alphabet="~!uāⅰ😀07AF", min_size=1))
@example(name="ⅰ")
@example(name="!70")
def test_no_two_names_share_a_url(any_converter: UsernameConverter, name: str) -> None:
    """Users of other realms can have any name."""
    segment = any_converter.to_url(name)

    assert re.fullmatch(any_converter.regex, segment)
    assert any_converter.to_python(segment) == name


@given(st.text(alphabet=[chr(code) for code in range(256)], min_size=1))
def test_links_to_names_in_latin_1_stay_as_they_were(name: str) -> None:
    assert converter.to_url(name) == re.sub(r"^\.|[^A-Za-z0-9_@.-]", lambda match: f"~{ord(match[0]):02X}", name)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("jane.doe@example.org", "jane.doe@example.org"),
        ("a/b", "a~2Fb"),
        ("..", "~2E."),
        ("~", "~7E"),
        ("%2F", "~252F"),
        ("ⅰ", "~u002170"),
    ],
)
def test_usual_names_stay_readable(name: str, segment: str) -> None:
    assert converter.to_url(name) == segment
    assert converter.to_python(segment) == name


@pytest.mark.parametrize("segment", ["~61", "~2f", "a~", "~ZZ", "..", "~41b", "~u0000E9", "~u110000", "~u2170", "~u00D800"])
def test_another_form_of_a_name_is_no_page(segment: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        converter.to_python(segment)
    assert Client().get(f"/users/edit/{segment}").status_code == 404


def test_letters_need_no_code() -> None:
    assert converter.to_url(string.ascii_letters + string.digits) == string.ascii_letters + string.digits
