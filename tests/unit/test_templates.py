"""The templates obey what the Content-Security-Policy and htmx ask of them (it fails silently in the browser when they do not)."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.test import RequestFactory

from accounts import context_processors

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SCRIPTS = TEMPLATES.parent / "static/js"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))

FORBIDDEN = {
    "an inline style": r"\sstyle\s*=|<style\b",
    "an inline script": r"<script\b(?![^>]*\ssrc=)",
    "an inline event handler": r"\son[a-z]+\s*=",
    "hx-on, which does nothing without eval": r"\b(data-)?hx-on\b",
    "a js: value, which htmx drops without eval": r"[\"'\s](js|javascript):",
    "a trigger filter, which htmx ignores without eval": r"hx-trigger=\"[^\"]*\w\[",
    "a button without a type": r"<button\b(?![^>]*\stype=)",
    "the address of another site": r"https?://",
    "a path that leaves BASE_PATH": r"=\s*[\"']?/",
}
# What a link may lead to nevertheless: documentation, and the name of the SVG language.
ALLOWED = re.compile(r"https://www\.elastic\.co/[^\"'\s]*|http://www\.w3\.org/2000/svg")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_nothing_that_is_forbidden(name: str) -> None:
    text = ALLOWED.sub("", (TEMPLATES / name).read_text())
    found = {what: match[0] for what, pattern in FORBIDDEN.items() if (match := re.search(pattern, text))}
    assert found == {}


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.js")), ids=lambda script: script.name)
def test_script_takes_its_paths_from_the_page(script: Path) -> None:
    assert not re.findall(r"[\"'`]/\w", script.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_it_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short(name: str) -> None:
    assert len((TEMPLATES / name).read_text().splitlines()) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_a_form_that_posts_has_a_token(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    assert text.count('method="post"') == text.count("{% csrf_token %}")


def test_the_page_for_a_crash_needs_no_context() -> None:
    assert "Something went wrong" in get_template("500.html").render()  # as Django's server_error does


@pytest.mark.parametrize(("path", "nav"), [("/users/create", "users"), ("/", ""), ("localhost:443", "localhost:443"), ("*", "*")])
def test_every_request_target_has_a_page(path: str, nav: str) -> None:
    """Those of CONNECT and OPTIONS have no slash."""
    request = RequestFactory().get("/")
    request.path_info = path
    assert context_processors.page(request)["nav"] == nav
