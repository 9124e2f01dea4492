"""`python -m demo.story`: fills the demo with what happens in a cluster, so that each page shows what it is for.

Everything is done by calling the product, with the credentials of the user who does it. So it all happens today, and the
audit trail says what really happened. It is told once, in a new cluster (`demo.__main__`).
"""

import os
import secrets
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http import HTTPStatus
from multiprocessing import get_context
from typing import Any

import django

from accounts.services import api_keys, findings, passwords, reviews, users
from accounts.services.api_keys import Owner
from accounts.services.client import AdministratorClient
from accounts.services.reviews import Decision
from accounts.services.users import User, UserQuery
from demo import browser
from demo.browser import Browser
from demo.options import FOLDER
from demo.people import ADMINISTRATOR, AUDITOR, COLLEAGUE, LEAVERS, MISTAKES, PEOPLE, Person
from demo.sample import create_api_keys, create_roles, create_users, user_of
from local_cluster.secret import keep_secret

# Gets an initial password, and changes it when he first signs in.
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
    """The passwords, by whose they are, and the browsers of those who run the cluster."""

    passwords: Mapping[str, str]
    elastic: AdministratorClient
    admin: Browser
    colleague: Browser
    auditor: Browser

    def sign_in(self, username: str, user_agent: str) -> Browser:
        """One of the other sample users signs in."""
        return Browser(username, user_agent).sign_in(self.passwords["people"])

    def refresh(self) -> None:
        """Let searches find all that has happened so far."""
        self.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")


def tell(passwords: Mapping[str, str]) -> None:
    """Fill a cluster that has been set up. `passwords`: of `elastic`, `admin`, `auditor`, and one for all other `people`."""
    cast = Cast(
        passwords,
        AdministratorClient("elastic", passwords["elastic"]),
        Browser(ADMINISTRATOR.username, browser.FIREFOX_ON_WINDOWS),
        Browser(COLLEAGUE.username, browser.SAFARI_ON_MAC),
        Browser(AUDITOR.username, browser.EDGE_ON_WINDOWS),
    )
    _begin(cast)
    _create_everybody(cast)
    _run_checks(cast, cast.auditor)
    _together(lambda: _visit(cast), lambda: _forget_password(cast), lambda: _change_initial_password(cast))
    _sign_off_review(cast)
    _begin_review(cast)
    _correct_mistakes(cast)
    _say_goodbye(cast)
    _audit(cast)
    _lose_server(cast.admin)
    _run_checks(cast, cast.admin)


def _begin(cast: Cast) -> None:
    """The first administrator of a new cluster is elastic."""
    create_roles(cast.elastic)
    elastic = Browser("elastic", browser.CHROME_ON_LINUX).sign_in(cast.passwords["elastic"])
    create_users(elastic, [ADMINISTRATOR], cast.passwords["admin"])
    create_users(elastic, [AUDITOR], cast.passwords["auditor"])
    create_users(elastic, [COLLEAGUE], cast.passwords["people"])
    elastic.sign_out()
    cast.admin.fail_to_sign_in(WRONG_PASSWORD)
    cast.admin.sign_in(cast.passwords["admin"])
    cast.colleague.sign_in(cast.passwords["people"])
    cast.auditor.sign_in(cast.passwords["auditor"])


def _create_everybody(cast: Cast) -> None:
    """Both administrators at once: Elasticsearch needs a tenth of a second for each password."""
    people = [person for person in (*PEOPLE, *LEAVERS) if person.username != NEWCOMER]
    newcomer = next(person for person in PEOPLE if person.username == NEWCOMER)
    half = len(people) // 2
    _together(
        lambda: create_users(cast.admin, people[:half], cast.passwords["people"]),
        lambda: create_users(cast.colleague, people[half:], cast.passwords["people"]),
    )
    create_users(cast.admin, [newcomer], INITIAL_PASSWORD)
    create_api_keys(cast.passwords["people"])
    with cast.admin.session() as client:
        for person in people:
            if not person.enabled and person.username != "mehmet.yilmaz":
                users.disable(client, person.username)


def _visit(cast: Cast) -> None:
    """Users look at their own account, and one of them tries a page that is not for them."""
    cast.sign_in("elena.popescu", browser.CHROME_ON_ANDROID).sign_out()
    cast.sign_in("amara.okafor", browser.CHROME_ON_LINUX)
    cast.sign_in("clara.hoffmann", browser.SAFARI_ON_MAC)
    cast.sign_in("priya.raghunathan", browser.FIREFOX_ON_WINDOWS).get("/audit/", HTTPStatus.FORBIDDEN)
    lost = cast.sign_in("priya.raghunathan", browser.SAFARI_ON_IPAD)
    cast.colleague.post(f"/sessions/end/{lost.session_id}")


def _forget_password(cast: Cast) -> None:
    """A forgotten password, until an administrator sets it again; and a name that does not exist."""
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
    """What was typed wrong becomes what it is in `people`; and somebody is deactivated by mistake."""
    right: dict[str, Person] = {person.username: person for person in PEOPLE}
    with cast.colleague.session() as client:
        for username in MISTAKES:
            seen = users.get(client, username)
            users.update(client, seen, replace(user_of(right[username]), metadata=seen.metadata))
        users.disable(client, "aaliyah.johnson")
    with cast.admin.session() as client:
        users.enable(client, "aaliyah.johnson")


def _say_goodbye(cast: Cast) -> None:
    """People leave; of the API keys that they leave behind, one is revoked. So is one that was replaced."""
    with cast.admin.session() as client:
        for leaver in LEAVERS:
            users.delete(client, leaver.username)
    with cast.colleague.session() as client:
        users.disable(client, "mehmet.yilmaz")
    _together(
        lambda: _revoke(cast.admin, "kwame.mensah", "sales dashboard"),
        lambda: _revoke(cast.colleague, "log-shipper-eu", "eu-west-1 before the move"),
    )


def _revoke(by: Browser, username: str, name: str) -> None:
    owner = Owner.of(User(username))
    with by.session() as client:
        keys = [key for key in api_keys.active(client, owner).keys if key.name == name]
        api_keys.revoke(client, owner, keys)


def _audit(cast: Cast) -> None:
    """The auditor takes the list of users away, and finds out that auditors can't change anything."""
    cast.auditor.post("/users/export?kind=native", HTTPStatus.OK, format="csv")
    cast.auditor.get("/users/create", HTTPStatus.FORBIDDEN)
    cast.auditor.post("/users/deactivate/clara.hoffmann", HTTPStatus.FORBIDDEN)


def _sign_off_review(cast: Cast) -> None:
    """A review that is signed off. Of its removals one is carried out later, one is not, and one was not needed."""
    review = _start_review(cast, UserQuery(roles=("sales_reader",)), "Sales access review", due=date.today())
    _decide(cast.auditor, review, SALES_BY_AUDITOR)
    _decide(cast.colleague, review, SALES_BY_COLLEAGUE)
    with cast.auditor.session() as client:
        reviews.begin_sign_off(client, review)
        while not reviews.lock_decisions(client, review).is_over:
            pass


def _begin_review(cast: Cast) -> None:
    """A review that is half done."""
    today = date.today()
    title = f"Q{(today.month + 2) // 3} {today.year} access review"
    review = _start_review(cast, UserQuery(kind="native"), title, due=today + timedelta(days=14))
    _decide(cast.auditor, review, QUARTER_BY_AUDITOR)
    _decide(cast.colleague, review, QUARTER_BY_COLLEAGUE)


def _start_review(cast: Cast, query: UserQuery, title: str, due: date) -> str:
    cast.refresh()  # or the snapshot would miss the latest sign-ins
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
            if item.username in decisions:
                reviews.decide(client, review, item.number, *decisions[item.username], item.seen)


def _run_checks(cast: Cast, by: Browser) -> None:
    cast.refresh()
    with by.session() as client:
        run = findings.start(client)
        while not run.finished:
            run = findings.advance(client, run.id)


def _lose_server(by: Browser) -> None:
    """A process that is killed in the middle of a change leaves an intent without an outcome."""
    process = get_context("fork").Process(target=_die_while_editing, args=(by,))
    process.start()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"The process that was to be killed ended with {process.exitcode}")


def _die_while_editing(by: Browser) -> None:
    with by.session() as client:
        seen = users.get(client, "noah.cohen")
        client.put_user = _die  # type: ignore[method-assign]
        users.update(client, seen, replace(seen, roles=(*seen.roles, "editor")))


def _die(**_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _together(*tasks: Callable[[], None]) -> None:
    """Do them at once; raises what one of them raises."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def main() -> None:
    """Tell the story in the running demo's cluster."""
    django.setup()
    passwords = {name: keep_secret(FOLDER / "passwords" / name) for name in ("admin", "auditor", "people")}
    tell(passwords | {"elastic": os.environ["ELASTICSEARCH_PASSWORD"]})


if __name__ == "__main__":
    main()
