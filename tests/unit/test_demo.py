import pytest

from accounts.forms.users import validate_username
from demo.options import DemoError, read_options
from demo.people import ADMINISTRATOR, AUDITOR, PEOPLE


def test_the_environment_chooses_ports_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "8123", "ELASTICSEARCH_PORT": "9234", "ELASTIC_PASSWORD": "chosen-one"}.items():
        monkeypatch.setenv(name, value)
    options = read_options()
    assert (options.url, options.elasticsearch_url) == ("http://127.0.0.1:8123", "http://127.0.0.1:9234")
    assert options.elastic_password == "chosen-one"


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "x"), ("PORT", "0"), ("ELASTICSEARCH_PORT", "65536"), ("ELASTIC_PASSWORD", "short")]
)
def test_what_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DemoError, match=name):
        read_options()


def test_the_sample_has_what_makes_a_list_interesting() -> None:
    assert len(PEOPLE) >= 40
    for person in (*PEOPLE, ADMINISTRATOR, AUDITOR):
        validate_username(person.username)
    assert any(not person.enabled for person in PEOPLE)
    assert any("kibana_user" in person.roles for person in PEOPLE)
    assert any(not person.roles for person in PEOPLE)
    assert any(not person.email for person in PEOPLE)
