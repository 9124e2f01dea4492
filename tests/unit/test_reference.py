"""The documentation has all settings and commands as the code has them, and all pages are on its site."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from accounts.services.cluster import own_roles
from accounts.services.documents import indices
from usermgmt.dev import reference

TOP = Path(__file__).resolve().parents[2]
GUIDES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md")])
CODE = re.compile(r"`([^`\n]+)`|^ {4,}(.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ |\w+=\$\()*(?:\S*/)?(?:manage|manage\.py|usermgmt) ([a-z][\w-]+)(?: ([^#)]+))?")


def commands_in(guide: Path) -> Iterator[tuple[str, str]]:
    """Name and arguments of each command in code."""
    for inline, block in CODE.findall(guide.read_text()):
        if found := COMMAND.match(inline or block.strip()):
            yield found[1], found[2] or ""


@pytest.mark.parametrize(("name", "page"), reference.PAGES.items())
def test_reference_is_up_to_date(name: str, page: Callable[[], str]) -> None:
    assert (TOP / name).read_text() == page(), "run script/docs"


def test_every_setting_is_described() -> None:
    assert sorted(reference.described_settings()) == sorted(reference.settings())


def test_readme_has_every_setting() -> None:
    table = (TOP / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    assert [name for name in reference.settings() if f"`{name}`" not in table] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_commands_in_guides_are_valid(guide: Path) -> None:
    for name, arguments in commands_in(guide):
        if name in ("serve", "health-check", "help"):  # of the package only
            continue
        name = name.replace("-", "_")
        parser = load_command_class(get_commands()[name], name).create_parser("", name)
        if arguments:
            parser.parse_args(shlex.split(arguments))


def test_commands_are_found() -> None:
    found = set(commands_in(TOP / "docs/reset-password.md")) | set(commands_in(TOP / "docs/exports.md"))
    assert {("reset_password", "-u user1 -b -s"), ("check_export", "users.csv.zip")} <= found


def test_guide_removes_what_setup_creates() -> None:
    section = (TOP / "docs/install.md").read_text().partition("\n## Remove\n")[2].partition("\n## ")[0]
    deleted = {
        f"{path}{name}"
        for path, names in re.findall(r"^    DELETE (.*/)?(.+)$", section, re.MULTILINE)
        for name in names.split(",")
    }
    assert deleted == {
        "_security/api_key",
        f"_security/user/{own_roles.SERVICE}",
        *(f"_security/role/{name}" for name in own_roles.ROLES),
        *(f"_index_template/{name}" for name in indices.TEMPLATES),
        *(indices.TEMPLATES.keys() - {indices.AUDIT}),
        "usermgmt-audit-2026.11",
    }


def test_one_version() -> None:
    """In names of packages, and of the image. A release changes them together."""
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    files = [TOP / "Containerfile", TOP / "packaging/kubernetes/server/kustomization.yaml", *TOP.glob("docs/*.md")]
    found = {
        (file.name, named)
        for file in files
        for named in re.findall(r"(?:\busermgmt[-_]|newTag: |ARG VERSION=)(\d+\.\d+\.\d+)", file.read_text())
    }
    assert found == {(name, version) for name in ("Containerfile", "kustomization.yaml", "install.md", "operate.md")}


def test_every_page_is_on_the_site() -> None:
    index = (TOP / "docs/site/index.md").read_text()
    pages = [guide.relative_to(TOP).with_suffix("").as_posix() for guide in GUIDES]
    assert [page for page in pages if not re.search(rf"^(?:\w+ <)?{page}>?$", index, re.MULTILINE)] == []
