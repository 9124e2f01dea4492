"""What a bulk change does to a user, and to whom it does nothing and why."""

from dataclasses import replace

import pytest
from django.utils import timezone

from accounts.forms.jobs import StepsForm, user_query
from accounts.services.client import PersonClient
from accounts.services.jobs import plan
from accounts.services.jobs.plan import Rules
from accounts.services.jobs.records import Action, Counts, Job, Step, stored_query
from accounts.services.reviews.subjects import USERS
from accounts.services.roles import Role
from accounts.services.users import Flag, User, UserQuery

ROLES = [Role("viewer"), Role("editor"), Role("superuser", grants_user_management=True)]
JANE = User("jane", roles=("viewer", "gone"))
ADA = User("ada", roles=("superuser",))


def denied_to_nobody(action: Action, user: User, wanted: User | None) -> str:
    return ""


def rules(monkeypatch: pytest.MonkeyPatch, action: Action, *names: str, administrators: int = 2) -> Rules:
    monkeypatch.setattr("accounts.services.jobs.plan.roles.all_roles", lambda client: ROLES)
    job = Job("id", action, timezone.now(), "ada", "all users", names)
    found = Rules(PersonClient("ada", "password"), job, denied_to_nobody)
    found.administrators.__dict__["total"] = administrators
    return found


@pytest.mark.parametrize(
    ("action", "names", "wanted"),
    [
        ("deactivate", (), replace(JANE, enabled=False)),
        ("activate", (), JANE),
        ("add-roles", ("editor", "viewer"), replace(JANE, roles=("viewer", "gone", "editor"))),
        ("remove-roles", ("gone", "editor"), replace(JANE, roles=("viewer",))),
        ("replace-roles", ("editor", "viewer"), replace(JANE, roles=("viewer", "editor"))),
        ("delete", (), None),
    ],
)
def test_the_user_after_the_change(
    monkeypatch: pytest.MonkeyPatch, action: Action, names: tuple[str, ...], wanted: User | None
) -> None:
    assert rules(monkeypatch, action, *names).wanted(JANE) == wanted


@pytest.mark.parametrize(
    ("action", "names", "user", "reason"),
    [
        ("deactivate", (), JANE, ""),
        ("deactivate", (), User("elastic", metadata={"_reserved": True}), plan.BUILT_IN),
        ("add-roles", ("viewer", "gone"), JANE, "The role 'gone' doesn't exist."),
        ("remove-roles", ("gone",), JANE, ""),
        ("add-roles", ("viewer",), JANE, plan.NO_CHANGE["add-roles"]),
        ("remove-roles", ("editor",), JANE, plan.NO_CHANGE["remove-roles"]),
        ("replace-roles", ("editor", "viewer"), User("x", roles=("viewer", "editor")), plan.NO_CHANGE["replace-roles"]),
    ],
)
def test_why_a_user_is_skipped(
    monkeypatch: pytest.MonkeyPatch, action: Action, names: tuple[str, ...], user: User, reason: str
) -> None:
    each = rules(monkeypatch, action, *names)
    assert each.reason(user, each.wanted(user)) == reason


@pytest.mark.parametrize(("action", "names"), [("deactivate", ()), ("delete", ()), ("remove-roles", ("superuser",))])
def test_one_administrator_stays(monkeypatch: pytest.MonkeyPatch, action: Action, names: tuple[str, ...]) -> None:
    each = rules(monkeypatch, action, *names)
    assert each.reason(ADA, each.wanted(ADA)) == ""
    eve = replace(ADA, username="eve")
    assert each.reason(eve, each.wanted(eve)) == plan.LAST_ADMINISTRATOR
    if action != "remove-roles":
        assert each.reason(JANE, each.wanted(JANE)) == ""
        idle = replace(ADA, username="idle", enabled=False)
        assert each.reason(idle, each.wanted(idle)) == "", "who is deactivated manages nobody"


def test_documents_survive_the_way_through_elasticsearch() -> None:
    query = UserQuery(
        q="x", roles=("a", "b"), status="active", kind="native", flags=("no-email",), password_days=45, sort="roles", number=7
    )
    job = Job("id", "add-roles", timezone.now(), "ada", "x", ("viewer",), query=stored_query(query), parts=("p",))
    assert Job.of({"_id": "id", "_source": job.document()}) == job
    asked = UserQuery(q="x", roles=("a", "b"), status="active", kind="native", flags=("no-email",), password_days=45)
    assert job.user_query == asked
    step = Step(
        "id", "p", 7, "jane", {"roles": ["viewer"], "enabled": True}, "started", "", "native/ada", "request", timezone.now()
    )
    assert Step.of({"_id": step.id, "_source": step.document()}) == step


@pytest.mark.parametrize("flag", ["password-90-days", "password-1-year", "password-age-unknown"])
def test_query_of_an_earlier_version(flag: Flag) -> None:
    """Which didn't know any number of days."""
    fields = {"q": "x", "roles": ["a"], "status": "active", "kind": "", "flags": [flag]}
    asked = UserQuery(q="x", roles=("a",), status="active", flags=(flag,))
    assert Job("id", "add-roles", timezone.now(), "ada", "x", query=fields).user_query == asked
    assert USERS.loaded(fields) == asked
    assert USERS.loaded(USERS.stored(replace(asked, password_days=45))) == replace(asked, password_days=45)


def test_counts() -> None:
    counts = Counts(pending=1, success=2, failure=3, unknown=4, skipped=5)
    assert (counts.total, counts.processed, counts.to_do, counts.is_over) == (15, 9, 10, False)
    assert not Counts(started=1).is_over
    assert Counts(success=1).is_over


def test_query_strings() -> None:
    assert StepsForm({"state": "nonsense", "after": "x"}).query().state == ""
    assert user_query("role=a&reserved=0") == UserQuery(roles=("a",), kind="native")
