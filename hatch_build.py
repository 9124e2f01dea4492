"""What the wheel has and this folder doesn't: collected static files, and the extras `locked` and `otel`."""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

LOCKED = re.compile(r"^([\w.-]+==[^\\]+?) *\\?$", re.MULTILINE)


class LockedVersions(MetadataHookInterface):
    """`usermgmt[locked]` requires exactly the versions in requirements.txt, `usermgmt[otel]` what requirements-otel.txt adds."""

    def update(self, metadata: dict[str, Any]) -> None:
        locked, all_locked = self._versions("requirements.txt"), self._versions("requirements-otel.txt")
        otel = [version for version in all_locked if version not in locked]
        metadata["optional-dependencies"] = {"locked": locked, "otel": otel}

    def _versions(self, name: str) -> list[str]:
        return LOCKED.findall(Path(self.root, name).read_text())


class StaticFiles(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Collect static files with default settings, whatever the environment and .env say."""
        if version == "editable":
            return
        self._folder = TemporaryDirectory()
        python = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("PYTHON")}
        settings = {"ENV_FILE": os.devnull, "ELASTICSEARCH_HOSTS": "http://127.0.0.1", "SECRET_KEY": "-" * 32}
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
            cwd=self.root,
            env={**python, **settings, "STATIC_ROOT": self._folder.name},
            check=True,
        )
        build_data["force_include"][self._folder.name] = "usermgmt/staticfiles"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
