"""What the benchmarks rely on."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_the_django_admin_has_all_settings_of_the_server() -> None:
    read = set(re.findall(r"\bsettings\.([A-Z_]+)", (TOP / "usermgmt/web_settings.py").read_text()))
    there = set(re.findall(r"\b([A-Z_]+)\b(?=[^#\n]*=)", (TOP / "benchmarks/changelist/settings.py").read_text()))
    assert "WEB_BIND" in read
    assert read <= there
