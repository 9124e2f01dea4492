from pathlib import Path

import pytest

from accounts.services.users.validation import validate_username
from demo import __main__ as demo
from demo.options import DemoError, read_options
from demo.people import ADMINISTRATOR, AUDITOR, COLLEAGUE, LEAVERS, MISTAKES, SAMPLE_USERS, SampleUser
from demo.sample import API_KEYS
from demo.story import QUARTER_BY_AUDITOR, QUARTER_BY_COLLEAGUE, SALES_BY_AUDITOR, SALES_BY_COLLEAGUE
from local_cluster import Cluster


def test_the_environment_chooses_ports_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "8123", "ELASTICSEARCH_PORT": "9234", "ELASTIC_PASSWORD": "chosen-one"}.items():
        monkeypatch.setenv(name, value)
    options = read_options()
    assert (options.url, options.elasticsearch_url) == ("http://127.0.0.1:8123", "http://127.0.0.1:9234")
    assert options.elastic_password == "chosen-one"


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "x"), ("PORT", "0"), ("ELASTICSEARCH_PORT", "65536"), ("ELASTIC_PASSWORD", "short")]
)
def test_unusable_settings_are_reported(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DemoError, match=name):
        read_options()


EVERYBODY: dict[str, SampleUser] = {
    person.username: person for person in (*SAMPLE_USERS, *LEAVERS, ADMINISTRATOR, COLLEAGUE, AUDITOR)
}


def test_the_sample_has_what_makes_a_list_interesting() -> None:
    assert len(SAMPLE_USERS) >= 40
    for person in EVERYBODY.values():
        validate_username(person.username)
    assert any(not person.enabled for person in SAMPLE_USERS)
    assert any("kibana_user" in person.roles for person in SAMPLE_USERS)
    assert any(not person.roles for person in SAMPLE_USERS)
    assert any(not person.email for person in SAMPLE_USERS)


def test_names_in_the_story_are_those_of_sample_users() -> None:
    assert len(EVERYBODY) == len(SAMPLE_USERS) + len(LEAVERS) + 3
    assert MISTAKES.keys() <= {person.username for person in SAMPLE_USERS}
    assert {owner for owner, *_ in API_KEYS} <= {name for name, person in EVERYBODY.items() if "integrator" in person.roles}
    assert QUARTER_BY_AUDITOR.keys() | QUARTER_BY_COLLEAGUE.keys() < EVERYBODY.keys()
    assert not QUARTER_BY_AUDITOR.keys() & QUARTER_BY_COLLEAGUE.keys()


def test_sales_review_can_be_signed_off() -> None:
    sales = {name for name, person in EVERYBODY.items() if "sales_reader" in person.roles}
    assert SALES_BY_AUDITOR.keys() | SALES_BY_COLLEAGUE.keys() == sales
    assert not SALES_BY_AUDITOR.keys() & SALES_BY_COLLEAGUE.keys()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cluster that was started, with what the demo writes down there."""
    for name in ("SAMPLE_STARTED", "SAMPLE_LOADED"):
        monkeypatch.setattr(demo, name, tmp_path / "elasticsearch" / getattr(demo, name).name)
    Cluster(tmp_path / "elasticsearch")
    return tmp_path / "elasticsearch"


def test_sample_data_is_created_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, str]] = []
    monkeypatch.setattr(demo, "tell_story", lambda **environment: told.append(environment))
    cluster = Cluster(folder)
    for _ in range(2):
        demo._remove_partial_sample()
        demo._create_sample(cluster)
    assert told == [{"ELASTICSEARCH_PASSWORD": cluster.password}]
    assert (folder / "password").exists()


def test_interrupted_start_starts_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: str) -> None:
        raise KeyboardInterrupt

    demo._remove_partial_sample()
    assert folder.exists()  # nothing was begun
    monkeypatch.setattr(demo, "tell_story", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo._create_sample(Cluster(folder))
    demo._remove_partial_sample()
    assert not folder.exists()
