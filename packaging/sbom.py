"""Prints what is installed as a software bill of materials (CycloneDX 1.5, JSON): Python packages, and those of Debian."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from typing import Any
from urllib.parse import quote


def main() -> None:
    components = sorted([*_python_packages(), *_debian_packages()], key=lambda component: component["purl"])
    print(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}, indent=1))


def _python_packages() -> Iterator[dict[str, Any]]:
    for distribution in distributions():
        # As in https://packaging.python.org/en/latest/specifications/name-normalization/
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        found = _license(distribution)
        yield _component(name, distribution.version, f"pypi/{name}") | ({"licenses": [found]} if found else {})


def _license(distribution: Distribution) -> dict[str, Any]:
    """What the package says itself; older ones say it only as a text or classifier, which can be longer than a name."""
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return {"expression": expression}
    classifiers = [value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier", []) if value.startswith("License ::")]
    name = ", ".join(classifiers) or metadata.get("License", "").partition("\n")[0]
    return {"license": {"name": name}} if name else {}


def _debian_packages() -> Iterator[dict[str, Any]]:
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"]
        for line in subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines():
            status, name, version, architecture = line.split("\t")
            if status.startswith("ii"):
                component = _component(name, version, f"deb/debian/{name}")
                yield component | {"purl": f"{component['purl']}?arch={architecture}"}


def _component(name: str, version: str, path: str) -> dict[str, Any]:
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:{path}@{quote(version, safe='')}"}


if __name__ == "__main__":
    main()
