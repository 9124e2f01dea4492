"""The commands and requests in the guides, as they are written. Commands that install usermgmt are run by script/release-check."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.utils import timezone

from accounts.services.client import AdministratorClient
from accounts.services.cluster import setup as cluster_setup
from accounts.services.documents import indices
from local_cluster import basic
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode

TOP: Final = Path(__file__).resolve().parents[2]
GUIDES: Final = ("README.md", "docs/exports.md", "docs/reset-password.md", "docs/users.md")
COMMAND: Final = re.compile(r"^ {4,}((?:[A-Z_]+=\S+ |\w+=\$\()*(?:script/manage|manage\.py) .*)$", re.MULTILINE)
NOT_RUN: Final = {
    "script/manage setup_cluster --env-file .env": "script/release-check",
    "manage.py reset_password -u user1 -i": "needs a terminal: test_typed_password.py",
}
NODE_FOLDERS: Final = re.compile(r"(?<= )(/etc/elasticsearch|\.demo/elasticsearch/node-1/config)\b")
# Which of their requests are sent.
REQUESTS: Final = {
    "README.md": "",
    "docs/install.md": "usermgmt-|_index_template|_cat",  # other tests need the API key of usermgmt
    "docs/operate.md": "",
    "docs/reviews.md": "",
    "docs/sessions.md": "",
}
JSON: Final = {"content-type": "application/json", "accept": "application/json"}
REQUEST: Final = re.compile(r"^ {4,}(GET|PUT|POST|DELETE) (\S+)\n((?: {4,}(?!GET|PUT|POST|DELETE)\S.*\n| {6,}.*\n)*)", re.MULTILINE)


def requests(guide: str) -> list[tuple[str, str, str]]:
    """Method, path, and body. The months of the audit trail are this and the next one."""
    text = (TOP / guide).read_text()
    months = sorted(name for name in indices.names(timezone.now()) if name.startswith(indices.AUDIT))
    for example, name in zip(("usermgmt-audit-2026.11", "usermgmt-audit-2026.12"), months, strict=True):
        text = text.replace(example, name)
    return [found for found in REQUEST.findall(text) if re.match(REQUESTS[guide], found[1])]


def commands(guide: str) -> list[str]:
    found = [line.partition(" #")[0].rstrip() for line in COMMAND.findall((TOP / guide).read_text())]
    return [line for line in found if line not in NOT_RUN]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As a checkout, with the files of the examples."""
    (tmp_path / "script").mkdir()
    for name in ("manage.py", "script/manage"):
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {sys.executable} {TOP / "manage.py"} "$@"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "users.txt").write_text("user1\nuser2\n")
    (tmp_path / "users.csv").write_text("username,full_name,roles\nuser1,User One,viewer\nuser3,User Three,viewer\n")
    return tmp_path


@pytest.fixture
def file_realm(node: TestNode) -> Iterator[Path]:
    """The config folder of the node, whose elastic password a test can reset."""
    files = [node.config / name for name in ("users", "users_roles")]
    for file in files:
        file.touch()
    node.put_user("spare", roles=["superuser"])
    yield node.config
    node.elastic.options(basic_auth=basic("spare", PASSWORD)).security.change_password(
        username="elastic", password=node.elastic_password
    )
    for file in files:
        file.unlink()


def test_commands_are_found() -> None:
    found = [line for guide in GUIDES for line in commands(guide)]
    assert "script/manage check_export users.csv.zip" in found
    assert "manage.py reset_password --from users.txt" in found
    assert len(found) > 10


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_run(guide: str, node: TestNode, folder: Path, file_realm: Path) -> None:
    for name in ("user1", "user2"):
        node.put_user(name)
    for command in commands(guide):
        written = NODE_FOLDERS.sub(str(file_realm), command).replace("<password>", "Vq7-as-written")
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only for tests, and long enough to be taken",
            "ELASTICSEARCH_HOSTS": node.url,
            "ELASTICSEARCH_API_KEY": node.api_key,
            "ELASTICSEARCH_USERNAME": "ada",  # some examples reset the password of elastic
            "ELASTICSEARCH_PASSWORD": PASSWORD,
        }
        ended = subprocess.run(
            ["/bin/bash", "-ec", written], cwd=folder, env=environment, input="y\n", capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)


@pytest.fixture
def repository(node: TestNode) -> Iterator[None]:
    """As the guide about backups expects it."""
    node.elastic.snapshot.create_repository(name="backup", repository={"type": "fs", "settings": {"location": "backup"}})
    yield
    node.elastic.snapshot.delete(repository="backup", snapshot="*")
    node.elastic.snapshot.delete_repository(name="backup")


@pytest.mark.parametrize("guide", REQUESTS)
def test_requests_work(guide: str, node: TestNode, repository: None) -> None:
    node.put_user("user1")
    found = requests(guide)
    assert found
    try:
        for method, path, body in found:
            node.elastic.perform_request(method, f"/{path.removeprefix('/')}", headers=JSON, body=json.loads(body or "null"))
    finally:
        list(cluster_setup.set_up(AdministratorClient("elastic", node.elastic_password)))
