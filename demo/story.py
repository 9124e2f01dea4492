"""`python -m demo.story`: creates sample activity, so that each page of the demo has data.

Every change is made through usermgmt, with the credentials of its actor, so the audit trail is real and all of it is from
today. Runs once, in a new cluster (`demo.__main__`).
"""

import os
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import django

from accounts.services import api_keys, errors, findings, passwords, reviews, users
from accounts.services.api_keys import Owner
from accounts.services.client import AdministratorClient
from accounts.services.reviews import Decision
from accounts.services.users import User, UserQuery
from demo import browser
from demo.browser import Browser
from demo.options import FOLDER
from demo.people import ADMINISTRATOR, AUDITOR, COLLEAGUE, LEAVERS, MISTAKES, ROLES, SAMPLE_USERS, SampleUser
from demo.sample import create_api_keys, create_roles, create_service_tokens, create_users, user_of
from local_cluster.secret import keep_secret

# Gets an initial password, and changes it at the first sign-in.
NEWCOMER = "jonas.weber"
INITIAL_PASSWORD = secrets.token_urlsafe(15)
WRONG_PASSWORD = secrets.token_urlsafe(15)

Decisions = Mapping[str, tuple[Decision, str]]
SALES_BY_AUDITOR: Decisions = {
    "jonas.weber": ("keep", ""),
    "priya.raghunathan": ("keep", ""),
    "sofia.nunez": ("keep", ""),
    "kwame.mensah": ("remove", "Left the company in March"),
    "sandra.keller": ("remove", "Moved to Marketing"),
}
SALES_BY_COLLEAGUE: Decisions = {
    "elena.popescu": ("change", "Only needs sales_reader since the reorganization"),
    "mateus.goncalves": ("remove", "Moved to Finance"),
    "o'brien": ("keep", "Covers the Dublin office"),
    "nightly-export-of-the-sales-figures-of-all-regions-to-the-data-warehouse-of-the-holding-company-in-rotterdam": ("keep", ""),
}
QUARTER_BY_AUDITOR: Decisions = {
    "<b>bold</b>": ("remove", "Left over from a test"),
    "Wei.Zhang": ("change", "Same person as wei.zhang? Ask the help desk."),
    "a/b": ("keep", "Test account of the QA team"),
    "aaliyah.johnson": ("keep", ""),
    "admin": ("keep", ""),
    "amara.okafor": ("change", "Has no roles. Ask her manager what she needs."),
    "anjali.deshpande": ("keep", ""),
    "bjorn.akesson": ("keep", "On leave until June, deactivated until then"),
    "ci-bot": ("remove", "Not used since the move to the new build server"),
    "clara.hoffmann": ("change", "Doesn't need superuser for her daily work"),
}
QUARTER_BY_COLLEAGUE: Decisions = {
    "chloe.lefevre": ("keep", "Contract extended until next summer"),
    "dmitri.volkov": ("keep", ""),
    "giulia.rossi": ("remove", "Contract ends this month"),
    "grace.mbeki": ("change", "kibana_user is deprecated"),
    "kwame.mensah": ("remove", "Left the company in March"),
    "peter.lindqvist": ("change", "The role data_warehouse_reader doesn't exist"),
    "rafael.ortiz": ("change", "Typo: should be watcher_user"),
}


@dataclass(frozen=True)
class Cast:
    """The passwords by name, and the browsers of the administrators and the auditor."""

    passwords: Mapping[str, str]
    elastic: AdministratorClient
    admin: Browser
    colleague: Browser
    auditor: Browser

    def sign_in(self, username: str, user_agent: str) -> Browser:
        """Sign in as one of the other sample users."""
        return Browser(username, user_agent).sign_in(self.passwords["people"])

    def refresh(self) -> None:
        """Make all changes so far visible to searches."""
        self.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")


def tell(passwords: Mapping[str, str]) -> None:
    """Fill a cluster that is set up. `passwords`: of `elastic`, `admin`, and `auditor`, and `people` for all other users."""
    cast = Cast(
        passwords,
        AdministratorClient("elastic", passwords["elastic"]),
        Browser(ADMINISTRATOR.username, browser.FIREFOX_ON_WINDOWS),
        Browser(COLLEAGUE.username, browser.SAFARI_ON_MAC),
        Browser(AUDITOR.username, browser.EDGE_ON_WINDOWS),
    )
    _create_operators(cast)
    _create_users(cast)
    _run_checks(cast, cast.auditor)
    _together(lambda: _visit(cast), lambda: _forget_password(cast), lambda: _change_initial_password(cast))
    _sign_off_review(cast)
    _start_open_review(cast)
    _correct_mistakes(cast)
    _offboard(cast)
    _extend_role(cast)
    _audit(cast)
    _lose_response(cast.admin)
    _run_checks(cast, cast.admin)


def _create_operators(cast: Cast) -> None:
    """Create administrators and auditor as elastic, the first administrator of a new cluster."""
    create_roles(cast.elastic)
    create_service_tokens(cast.elastic)
    elastic = Browser("elastic", browser.CHROME_ON_LINUX).sign_in(cast.passwords["elastic"])
    create_users(elastic, [ADMINISTRATOR], cast.passwords["admin"])
    create_users(elastic, [AUDITOR], cast.passwords["auditor"])
    create_users(elastic, [COLLEAGUE], cast.passwords["people"])
    elastic.sign_out()
    cast.admin.fail_to_sign_in(WRONG_PASSWORD)
    cast.admin.sign_in(cast.passwords["admin"])
    cast.colleague.sign_in(cast.passwords["people"])
    cast.auditor.sign_in(cast.passwords["auditor"])


def _create_users(cast: Cast) -> None:
    """Create the users as both administrators in parallel, because Elasticsearch needs 0.1 seconds for each password."""
    samples = [sample for sample in (*SAMPLE_USERS, *LEAVERS) if sample.username != NEWCOMER]
    newcomer = next(sample for sample in SAMPLE_USERS if sample.username == NEWCOMER)
    half = len(samples) // 2
    _together(
        lambda: create_users(cast.admin, samples[:half], cast.passwords["people"]),
        lambda: create_users(cast.colleague, samples[half:], cast.passwords["people"]),
    )
    create_users(cast.admin, [newcomer], INITIAL_PASSWORD)
    create_api_keys(cast.passwords["people"])
    with cast.admin.session() as client:
        for sample in samples:
            if not sample.enabled and sample.username != "mehmet.yilmaz":
                users.disable(client, sample.username)


def _visit(cast: Cast) -> None:
    """Users open their own account, and one of them a page that they can't access."""
    cast.sign_in("elena.popescu", browser.CHROME_ON_ANDROID).sign_out()
    cast.sign_in("amara.okafor", browser.CHROME_ON_LINUX)
    cast.sign_in("clara.hoffmann", browser.SAFARI_ON_MAC)
    cast.sign_in("priya.raghunathan", browser.FIREFOX_ON_WINDOWS).get("/audit/", HTTPStatus.FORBIDDEN)
    lost = cast.sign_in("priya.raghunathan", browser.SAFARI_ON_IPAD)
    cast.colleague.post(f"/sessions/end/{lost.session_id}")


def _forget_password(cast: Cast) -> None:
    """Failed sign-ins with a forgotten password until an administrator resets it, and with a nonexistent username."""
    leila = Browser("leila.haddad", browser.CHROME_ON_LINUX)
    leila.fail_to_sign_in(WRONG_PASSWORD)
    leila.fail_to_sign_in(WRONG_PASSWORD)
    with cast.admin.session() as client:
        passwords.change(client, leila.username, cast.passwords["people"])
    leila.sign_in(cast.passwords["people"])
    Browser("root", browser.CHROME_ON_LINUX).fail_to_sign_in(WRONG_PASSWORD)


def _change_initial_password(cast: Cast) -> None:
    """A new user signs in for the first time."""
    newcomer = Browser(NEWCOMER, browser.EDGE_ON_WINDOWS).sign_in(INITIAL_PASSWORD)
    password = cast.passwords["people"]
    form = {"current_password": INITIAL_PASSWORD, "password": password, "confirm_password": password}
    newcomer.post("/account/change-password", **form)


def _correct_mistakes(cast: Cast) -> None:
    """Correct MISTAKES; deactivate a user and activate them again."""
    right: dict[str, SampleUser] = {sample.username: sample for sample in SAMPLE_USERS}
    with cast.colleague.session() as client:
        for username in MISTAKES:
            seen = users.get(client, username)
            users.update(client, seen, replace(user_of(right[username]), metadata=seen.metadata))
        users.disable(client, "aaliyah.johnson")
    with cast.admin.session() as client:
        users.enable(client, "aaliyah.johnson")


def _offboard(cast: Cast) -> None:
    """Delete and deactivate users, and revoke an orphaned API key and a replaced one."""
    with cast.admin.session() as client:
        for leaver in LEAVERS:
            users.delete(client, leaver.username)
    with cast.colleague.session() as client:
        users.disable(client, "mehmet.yilmaz")
    _together(
        lambda: _revoke(cast.admin, "kwame.mensah", "sales dashboard"),
        lambda: _revoke(cast.colleague, "log-shipper-eu", "eu-west-1 before the move"),
    )


def _extend_role(cast: Cast) -> None:
    """Directly in Elasticsearch, because usermgmt doesn't manage roles. Only the next run of the checks shows it."""
    role = ROLES["on_call"]
    cast.elastic.security.put_role(name="on_call", **{**role, "cluster": [*role["cluster"], "manage_ilm"]})


def _revoke(by: Browser, username: str, name: str) -> None:
    owner = Owner.of(User(username))
    with by.session() as client:
        keys = [key for key in api_keys.active(client, owner).keys if key.name == name]
        api_keys.revoke(client, owner, keys)


def _audit(cast: Cast) -> None:
    """The auditor exports the user list, and is denied access to changes."""
    cast.auditor.post("/users/export?kind=native", HTTPStatus.OK, format="csv")
    cast.auditor.get("/users/create", HTTPStatus.FORBIDDEN)
    cast.auditor.post("/users/deactivate/clara.hoffmann", HTTPStatus.FORBIDDEN)


def _sign_off_review(cast: Cast) -> None:
    """A signed-off review. Of its removals one is applied later, one isn't, and one isn't needed."""
    review = _start_review(cast, UserQuery(roles=("sales_reader",)), "Sales access review", due=date.today())
    _decide(cast.auditor, review, SALES_BY_AUDITOR)
    _decide(cast.colleague, review, SALES_BY_COLLEAGUE)
    with cast.auditor.session() as client:
        reviews.begin_sign_off(client, review)
        while not reviews.lock_decisions(client, review).is_over:
            pass


def _start_open_review(cast: Cast) -> None:
    """An open review with pending users."""
    today = date.today()
    title = f"Q{(today.month + 2) // 3} {today.year} access review"
    review = _start_review(cast, UserQuery(kind="native"), title, due=today + timedelta(days=14))
    _decide(cast.auditor, review, QUARTER_BY_AUDITOR)
    _decide(cast.colleague, review, QUARTER_BY_COLLEAGUE)


def _start_review(cast: Cast, query: UserQuery, title: str, due: date) -> str:
    cast.refresh()  # else the snapshot misses the latest sign-ins
    with cast.auditor.session() as client:
        reviewers = (cast.auditor.username, cast.colleague.username)
        review = reviews.start(client, query, title, due=due, reviewers=reviewers)
        while not reviews.create_snapshot(client, review.id).is_over:
            pass
    return review.id


def _decide(by: Browser, review: str, decisions: Decisions) -> None:
    reviews.refresh()
    with by.session() as client:
        for item in list(reviews.all_items(review)):
            if item.identity in decisions:
                reviews.decide(client, review, item.number, *decisions[item.identity], item.seen)


def _run_checks(cast: Cast, by: Browser) -> None:
    cast.refresh()
    with by.session() as client:
        run = findings.start(client)
        while not run.finished:
            run = findings.advance(client, run.id)


def _lose_response(by: Browser) -> None:
    """The response to a change is lost, so its outcome is unknown."""
    with by.session() as client, suppress(errors.OutcomeUnknown):
        seen = users.get(client, "noah.cohen")
        client.put_user = _lost  # type: ignore[method-assign]
        users.update(client, seen, replace(seen, roles=(*seen.roles, "editor")))


def _lost(**_: Any) -> Any:
    raise errors.OutcomeUnknown("the response was lost")


def _together(*tasks: Callable[[], None]) -> None:
    """Run the tasks in parallel. Raises the error of a failed task."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def main() -> None:
    django.setup()
    passwords = {name: keep_secret(FOLDER / "passwords" / name) for name in ("admin", "auditor", "people")}
    tell(passwords | {"elastic": os.environ["ELASTICSEARCH_PASSWORD"]})


if __name__ == "__main__":
    main()
