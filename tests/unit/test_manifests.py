"""The manifests for Kubernetes and the compose file: hardened, with settings and paths that there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import resolve
from pytest_django import Settings

TOP = Path(__file__).parents[2]
PACKAGING = TOP / "packaging"
COMPOSE = yaml.safe_load((PACKAGING / "compose" / "compose.yaml").read_text())
# Others than in .env.example.
OTHERS = {"ENV_FILE", "ELASTICSEARCH_PASSWORD", "ELASTICSEARCH_PASSWORD_FILE", "ELASTICSEARCH_API_KEY_FILE", "SECRET_KEY_FILE"}


def objects() -> Iterator[dict[str, Any]]:
    for file in sorted((PACKAGING / "kubernetes").glob("*/*.yaml")):
        yield from yaml.safe_load_all(file.read_text())


def pods() -> dict[str, Any]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in objects() if each["kind"] in ("Deployment", "Job")
    }


@pytest.mark.parametrize("name", ["usermgmt", "usermgmt-setup"])
def test_pods_meet_the_restricted_standard(name: str) -> None:
    """Of https://kubernetes.io/docs/concepts/security/pod-security-standards/, and more."""
    pod = pods()[name]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert not pod["automountServiceAccountToken"]
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} == {"/tmp"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_largest_upload_fits_in_the_temporary_folder(settings: Settings) -> None:
    """As it is received, and as Django stores it; in memory, beside what the server needs."""
    pod = pods()["usermgmt"]
    [size] = [volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "tmp"]
    limit = pod["containers"][0]["resources"]["limits"]["memory"]
    mebibytes = [int(text.removesuffix("Mi")) for text in (size, limit)]
    assert 2 * settings.LARGEST_REQUEST >> 20 < mebibytes[0] <= mebibytes[1] - 256


def test_the_image_is_named_once() -> None:
    """A job of the previous version, or from another registry, would not update the cluster for the new one."""
    found = {file.parent.name: yaml.safe_load(file.read_text()) for file in PACKAGING.glob("kubernetes/*/kustomization.yaml")}
    assert [name for name, each in found.items() if "images" in each] == ["server"]
    [replacement] = found["setup"]["replacements"]
    assert replacement["source"]["name"] == "usermgmt"
    assert [target["select"]["name"] for target in replacement["targets"]] == ["usermgmt-setup"]


def test_settings_exist() -> None:
    known = {line.removeprefix("# ").partition("=")[0] for line in (TOP / ".env.example").read_text().splitlines()} | OTHERS
    used = {variable["name"] for pod in pods().values() for variable in pod["containers"][0]["env"]}
    for each in objects():
        for generated in each.get("configMapGenerator", []):
            used |= {literal.partition("=")[0] for literal in generated.get("literals", [])}
    for name in ("setup", "usermgmt"):
        used |= COMPOSE["services"][name]["environment"].keys()
    assert used - known == set()


def test_probes_exist() -> None:
    [container] = pods()["usermgmt"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for kind in ("startup", "liveness", "readiness"):
        probe = container[f"{kind}Probe"]["httpGet"]
        resolve(probe["path"])
        assert probe["port"] in ports
    assert ports == {"http": 8000}


def test_what_compose_starts_is_contained() -> None:
    for name in ("setup", "usermgmt"):
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges"])
