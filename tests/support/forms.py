"""What a browser without JavaScript posts from a page."""

import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client


class _Form(HTMLParser):
    """The successful controls in a form: an `<input>` drops line breaks, other controls send them as CRLF."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._select = ""
        self._textarea: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self._add(self._select, _normalized(given["value"]))
        elif tag == "textarea":
            self._textarea, self._text = given["name"], ""
        elif tag == "input" and "name" in given and "disabled" not in given:
            self._add_input(given)

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            self._add(self._textarea, _normalized(self._text.removeprefix("\n")))
            self._textarea = None

    def _add_input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        value = given.get("value", "on" if kind == "checkbox" else "")
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        self._add(given["name"], _normalized(value) if kind == "hidden" else re.sub(r"[\r\n]", "", value))

    def _add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


def _normalized(value: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", value)


def posted(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """The fields of the page's form, with those that the user has changed."""
    response = client.get(url)
    assert response.status_code == 200
    return {**fields(response.content.decode()), **changes}


def fields(page: str) -> dict[str, Any]:
    """The fields of the page's form."""
    page = page.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    start = page.index('<form method="post" class="form"')
    form = _Form()
    form.feed(page[start : page.index("</form>", start)])
    return dict(form.fields)
