"""Static files that are built by collectstatic: one file each for all styles, scripts, and icons."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import get_ident
from typing import Any, Final

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from usermgmt import icons, paths

SOURCES: Final = paths.FILES / "static"
# Files that others depend on (page.js focuses an invalid field after passwords.js has wrapped it). The order of the rest is free.
FIRST: Final = ("tokens.css", "layout.css", "components.css", "dialog.js", "passwords.js", "page.js")
# Scripts that need a library which only few pages load.
EXCLUDED: Final = ("roles.js", "role_details.js")


def styles() -> str:
    """All of static/css, and the icons' classes."""
    return _together("css") + icons.styles()


def scripts() -> str:
    """All of static/js except EXCLUDED."""
    return _together("js")


FILES: Final[dict[str, Callable[[], str]]] = {"css/app.css": styles, "js/app.js": scripts, icons.FILE: icons.sprite}


class BundlesFinder(BaseFinder):
    """Finds the bundles for collectstatic, and for WhiteNoise in development."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="static-")

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        for name in FILES:
            self._make(name)
            yield name, FileSystemStorage(self._folder.name)

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """The path of a bundle, rebuilt if its sources have changed: in development each request calls this."""
        return str(self._make(path)) if path in FILES else []

    def _make(self, name: str) -> Path:
        file, content = Path(self._folder.name, name), FILES[name]()
        if not file.exists() or file.read_text() != content:
            file.parent.mkdir(exist_ok=True)
            new = file.with_name(f"{file.name}.{get_ident()}")  # another thread may be sending the old file
            new.write_text(content)
            new.replace(file)
        return file


def _together(kind: str) -> str:
    names = [file.name for file in SOURCES.glob(f"{kind}/*.{kind}") if file.name not in EXCLUDED]
    ordered = sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return "\n".join(f"/* {name} */\n{(SOURCES / kind / name).read_text()}" for name in ordered)
