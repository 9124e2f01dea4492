"""What a Python script does, with elasticsearch-py 9; for 8.19, which usermgmt has, see tests/integration/test_user_api.py."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

results = [f"elasticsearch-py {version('elasticsearch')}"]
client = Elasticsearch(os.environ["API_URL"], basic_auth=(os.environ["API_USERNAME"], os.environ["API_PASSWORD"]))
users = client.options(ignore_status=(400, 401, 404)).security


def step(name: str, answer: Any) -> None:
    body = dict(answer.body) if isinstance(answer.body, Mapping) else answer.body
    results.append(f"{name} {answer.meta.status} {json.dumps(body, sort_keys=True)}")


step("create", users.put_user(username="py", password="a-first-password", roles=["viewer"], full_name="Pi Thon"))  # noqa: S106
step("create", users.put_user(username="pie", password="a-first-password"))  # noqa: S106
step("update", users.put_user(username="py", roles=["viewer", "editor"], metadata={"team": {"id": 7}}, refresh="wait_for"))
step("read", users.get_user(username=["py", "nobody"]))
step("disable", users.disable_user(username="py"))
step("enable", users.enable_user(username="py"))
step("password", users.change_password(username="py", password="a-second-password"))  # noqa: S106
step("read", users.get_user(username="py"))
step("read", client.options(basic_auth=("py", "a-second-password")).security.authenticate())
step("read", client.options(basic_auth=("py", "wrong"), ignore_status=401).security.authenticate())
step("query", users.query_user(query={"prefix": {"username": "py"}}, size=20))
step("read", users.has_privileges(cluster=["manage_security"]))
step("delete", users.delete_user(username="py"))
step("delete", users.delete_user(username="py"))
Path(os.environ["RESULTS"]).write_text("\n".join(results) + "\n")
