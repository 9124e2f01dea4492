"""What the benchmarks rely on."""

import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.client import Failed, Request
from benchmarks.pages import calls_of

TOP = Path(__file__).parents[2]


def test_the_django_admin_has_all_settings_of_the_server() -> None:
    read = set(re.findall(r"\bsettings\.([A-Z_]+)", (TOP / "usermgmt/web_settings.py").read_text()))
    there = set(re.findall(r"\b([A-Z_]+)\b(?=[^#\n]*=)", (TOP / "benchmarks/changelist/settings.py").read_text()))
    assert "WEB_BIND" in read
    assert read <= there


def test_a_page_may_be_made_from_the_cache_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    session, read = Request("/usermgmt-sessions/_doc/1"), Request("/_security/role_mapping")
    made = [session, read]
    recorder: Any = SimpleNamespace(calls=[])
    web: Any = SimpleNamespace(send=lambda request: recorder.calls.extend(made))
    assert calls_of(web, recorder, Request("/role-mappings/")) == [read]
    made[:] = [session]
    assert calls_of(web, recorder, Request("/role-mappings/"), is_warm=True) == []
    with pytest.raises(Failed, match="makes no calls"):
        calls_of(web, recorder, Request("/role-mappings/"))
