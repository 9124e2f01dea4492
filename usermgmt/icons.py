"""The icons of every page in one file, made of heroicons when the static files are collected: a page only points to them."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import heroicons
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

FILE: Final = "img/icons.svg"
# Those that stand on most pages; another one is written into its page.
ICONS: Final = {
    ("mini", "arrow-left-start-on-rectangle"),
    ("mini", "chevron-double-left"),
    ("mini", "chevron-double-right"),
    ("mini", "chevron-left"),
    ("mini", "chevron-right"),
    ("mini", "clipboard-document-list"),
    ("mini", "magnifying-glass"),
    ("mini", "plus"),
    ("mini", "shield-check"),
    ("mini", "user-circle"),
    ("mini", "users"),
    ("micro", "chevron-down"),
    ("micro", "funnel"),
    ("micro", "trash"),
    ("micro", "x-mark"),
}


def svg(style: str, name: str, size: int) -> str:
    """One icon as heroicons has it, without line breaks. Raises heroicons.IconDoesNotExist."""
    return "".join(line.strip() for line in heroicons._render_icon(style, name, size, {}).splitlines())


def sprite() -> str:
    """All of ICONS, each as the symbol `style-name`."""
    symbols = "".join(
        re.sub(r"^<svg (.*?) aria-hidden=.*?>(.*)</svg>$", rf'<symbol id="{style}-{name}" \1>\2</symbol>', svg(style, name, 20))
        for style, name in sorted(ICONS)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'


class IconsFinder(BaseFinder):
    """Gives the file to collectstatic."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="icons-")
        file = Path(self._folder.name, FILE)
        file.parent.mkdir()
        file.write_text(sprite())

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        """The one file."""
        yield FILE, FileSystemStorage(self._folder.name)

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """The place of the file."""
        return str(Path(self._folder.name, FILE)) if path == FILE else []
