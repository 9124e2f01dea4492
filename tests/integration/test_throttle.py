"""Guessing passwords is slowed down, and nobody can tell from outside."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.services import errors
from accounts.services.client import PersonClient
from accounts.services.documents import indices
from accounts.services.signin import throttle
from accounts.services.signin.throttle import Attempt
from tests.support.cast import PASSWORD
from tests.support.nodes import TestNode
from tests.support.traces import trail

INCORRECT = "Username or password is incorrect. Please try again."
ASKED = "GET /_security/_authenticate"
FEW, MANY = 3, 6


@pytest.fixture(autouse=True)
def limits(node: TestNode, settings: Settings) -> None:
    settings.THROTTLE_FAILURES, settings.THROTTLE_FAILURES_IN_ALL = FEW, MANY


def sign_in(username: str, password: str, *, client: Client | None = None, address: str = "192.0.2.1") -> Any:
    return (client or Client()).post("/login", {"username": username, "password": password}, REMOTE_ADDR=address)


def fail(times: int, username: str = "jdoe", **more: Any) -> None:
    for _ in range(times):
        assert INCORRECT in sign_in(username, "wrong-one", **more).content.decode()


def is_let_in(username: str = "jdoe", **more: Any) -> bool:
    return bool(sign_in(username, PASSWORD, **more).status_code == 302)


def counters(node: TestNode) -> list[dict[str, Any]]:
    node.elastic.indices.refresh(index=indices.THROTTLE, ignore_unavailable=True)
    found = node.elastic.search(index=indices.THROTTLE, ignore_unavailable=True, size=1000)
    return [dict(hit) for hit in found["hits"]["hits"]]


def let_time_pass(node: TestNode, time: timedelta) -> None:
    """As far as the counters are concerned."""
    for hit in counters(node):
        earlier = {
            name: (timezone.datetime.fromisoformat(hit["_source"][name]) - time).isoformat()  # type: ignore[attr-defined]
            for name in ("until", "expires")
        }
        node.elastic.index(index=indices.THROTTLE, id=hit["_id"], document=hit["_source"] | earlier)


def test_throttle_hides_a_correct_password(node: TestNode, calls: list[str]) -> None:
    node.put_user("jdoe")
    wrong = sign_in("jdoe", "wrong-one")
    fail(FEW - 1)
    del calls[:]

    throttled = sign_in("jdoe", PASSWORD)

    assert ASKED not in calls
    assert throttled.status_code == wrong.status_code
    assert set(throttled.headers) == set(wrong.headers)
    without_tokens = [page.content.decode().replace(str(page.context["csrf_token"]), "") for page in (throttled, wrong)]
    assert without_tokens[0] == without_tokens[1]


def test_throttle_treats_unknown_usernames_alike(node: TestNode, calls: list[str]) -> None:
    node.put_user("jdoe")
    asked = {}
    for username, address in (("jdoe", "192.0.2.1"), ("nobody", "192.0.2.2")):
        del calls[:]
        fail(FEW + 3, username, address=address)
        asked[username] = calls.count(ASKED)
    assert asked == {"jdoe": FEW, "nobody": FEW}


def test_throttle_is_reset_by_a_correct_password(node: TestNode) -> None:
    node.put_user("jdoe")
    fail(FEW)
    assert not is_let_in()
    let_time_pass(node, throttle.FIRST_WAIT)
    assert is_let_in()
    fail(FEW - 1)
    assert is_let_in(), "the count began again"


def test_throttle_allows_one_attempt_per_wait(node: TestNode, calls: list[str]) -> None:
    node.put_user("jdoe")
    fail(FEW)
    let_time_pass(node, throttle.FIRST_WAIT)
    del calls[:]
    fail(3)
    assert calls.count(ASKED) == 1
    let_time_pass(node, throttle.FIRST_WAIT)
    assert not is_let_in(), "the second wait is longer"
    let_time_pass(node, throttle.FIRST_WAIT)
    assert is_let_in()


def test_the_longest_wait_is_a_quarter_of_an_hour() -> None:
    waits = [throttle.wait(beyond) for beyond in range(100)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=30)
    assert max(waits) == timedelta(minutes=15)


def test_throttle_expires_after_a_quarter_of_an_hour(node: TestNode, calls: list[str]) -> None:
    node.put_user("jdoe")
    fail(FEW - 1)
    let_time_pass(node, throttle.MEMORY)
    del calls[:]
    fail(FEW)
    assert calls.count(ASKED) == FEW


def test_attacks_elsewhere_do_not_lock_the_user_out(node: TestNode) -> None:
    node.put_user("jdoe")
    browser = Client()
    assert is_let_in(client=browser)
    fail(FEW + 1, address="198.51.100.1")
    assert is_let_in(address="192.0.2.1"), "another address has a count of its own"
    for number in range(MANY):
        fail(1, address=f"198.51.100.{number + 10}")
    assert not is_let_in(address="192.0.2.7"), "guesses from everywhere are too many"
    assert is_let_in(client=browser, address="192.0.2.7"), "a browser that knows the person has a count of its own"


def test_known_browser_has_a_limit_of_its_own(node: TestNode) -> None:
    node.put_user("jdoe")
    browser = Client()
    assert is_let_in(client=browser)
    browser.cookies.pop("usermgmt_session")
    fail(FEW, client=browser)
    assert not is_let_in(client=browser)
    fail(FEW, "ada", client=browser)
    assert not is_let_in("ada"), "for another name it is any browser at this address"


def test_throttle_one_address_many_usernames(node: TestNode) -> None:
    node.put_user("jdoe")
    for number in range(MANY):
        fail(1, f"name-{number}", address="2001:db8::1")
    assert not is_let_in(address="2001:db8::2"), "the same network"
    assert is_let_in(address="2001:db8:0:1::1")


def test_unknown_addresses_share_no_counter(node: TestNode) -> None:
    """A proxy that sends no readable address: nobody is locked out by what strangers guess about other users."""
    node.put_user("jdoe")
    for number in range(2 * MANY):
        fail(1, f"name-{number}", address="")
    assert is_let_in(address="")
    for _ in range(MANY):
        fail(1, address="")
    assert not is_let_in(address=""), "guesses at one name are still counted"


def test_throttle_correct_password_keeps_address_count(node: TestNode) -> None:
    node.put_user("jdoe")
    for number in range(MANY - 1):
        fail(1, f"name-{number}")
    assert is_let_in()
    fail(1, "name-x")
    assert not is_let_in()


@pytest.mark.parametrize("address", ["192.0.2.1", ""])
@pytest.mark.parametrize("name", ["jdoe", "JDOE"])
def test_own_password_in_between_allows_no_endless_guesses(node: TestNode, calls: list[str], name: str, address: str) -> None:
    """Of a user whose username differs in case, or is the same in another realm: which one was meant isn't known."""
    node.put_user("jdoe")
    node.put_user(name)
    browser, guesses = Client(), 0
    for _ in range(MANY):
        is_let_in(name, client=browser, address=address)
        for _ in range(FEW - 1):
            del calls[:]
            fail(1, client=browser, address=address)
            guesses += calls.count(ASKED)
    assert FEW <= guesses <= MANY, "without a limit, it would be all of them"


def test_administrator_lifts_a_delay(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada, otto = signed_in("ada"), signed_in("otto")
    node.put_user("jdoe")
    assert is_let_in()
    assert trail(node, action="sign-in", target="jdoe"), "since then the audit trail knows the name"
    fail(FEW)
    assert not is_let_in()
    counters(node)  # refreshes the index

    page = ada.get("/sessions/")
    [delay] = page.context["delays"]
    assert (delay.username, delay.address, delay.failures) == ("jdoe", "192.0.2.1", FEW)
    assert otto.post(f"/sessions/allow-sign-in/{delay.id}").status_code == 403
    assert not is_let_in()
    assert ada.post(f"/sessions/allow-sign-in/{delay.id}")["Location"] == "/sessions/"

    assert is_let_in()
    last = trail(node, action="sign-in-allow")[-1]
    assert (last.actor.username, last.target, last.outcome) == ("ada", "jdoe", "success")


def test_delays_of_an_address_and_of_an_unknown_username(node: TestNode, signed_in: Callable[..., Client]) -> None:
    ada = signed_in("ada")
    fail(FEW, "my-secret-canary", address="2001:db8::1")
    for number in range(MANY - FEW):
        fail(1, f"name-{number}", address="2001:db8::1")
    assert "canary" not in str(counters(node))

    page = ada.get("/sessions/")
    shown = {(delay.username, delay.address, delay.is_of_username) for delay in page.context["delays"]}
    assert shown == {("", "2001:db8::/64", True), ("", "2001:db8::/64", False)}
    text = page.content.decode()
    assert "Unknown username" in text
    assert "All users" in text
    for delay in page.context["delays"]:
        ada.post(f"/sessions/allow-sign-in/{delay.id}")
    counters(node)
    assert ada.get("/sessions/").context["delays"] == []
    assert trail(node, action="sign-in-allow")[-1].target == "2001:db8::/64"


def test_an_outage_is_never_counted(node: TestNode, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe")
    # A cluster that has lost its users answers 401: no node does so on request.
    with monkeypatch.context() as patch:
        patch.setattr(throttle, "can_verify_credentials", lambda: False)
        for _ in range(FEW + 1):
            page = sign_in("jdoe", "wrong-one")
            assert page.status_code == 503
            assert INCORRECT not in page.content.decode()
    settings.ELASTICSEARCH_HOSTS = ["http://127.0.0.1:1"]
    for _ in range(FEW + 1):
        assert sign_in("jdoe", "wrong-one").status_code == 503
    settings.ELASTICSEARCH_HOSTS = [node.url]
    assert is_let_in()
    assert counters(node) == []


def test_throttle_outage_releases_the_attempt(node: TestNode) -> None:
    guess = Attempt("jdoe", "192.0.2.1")

    def wrong() -> None:
        raise errors.AuthenticationFailed("no")

    def away() -> None:
        raise errors.Unavailable("no")

    for _ in range(FEW):
        with pytest.raises(errors.AuthenticationFailed):
            throttle.attempt(guess, wrong)
    let_time_pass(node, throttle.FIRST_WAIT)
    with pytest.raises(errors.Unavailable):
        throttle.attempt(guess, away)
    assert throttle.attempt(guess, lambda: "in") == "in"


def test_throttle_counts_concurrent_attempts(node: TestNode) -> None:
    asked = []

    def wrong() -> None:
        asked.append(1)
        raise errors.AuthenticationFailed("no")

    def guess(number: int) -> None:
        with pytest.raises(errors.AuthenticationFailed):
            throttle.attempt(Attempt("jdoe", f"192.0.2.{number}"), wrong)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(guess, range(8)))
        assert max(hit["_source"]["failures"] for hit in counters(node)) == len(asked)
        assert len(asked) >= MANY
        let_time_pass(node, throttle.LONGEST_WAIT)
        del asked[:]
        list(threads.map(guess, range(20, 28)))
    assert len(asked) == 1


def test_the_own_password_page_counts_guesses_too(node: TestNode, signed_in: Callable[..., Client]) -> None:
    node.put_user("jdoe")
    jdoe = signed_in("jdoe")
    form = {"current_password": "wrong-one", "password": "a-new-one", "confirm_password": "a-new-one"}
    for _ in range(FEW):
        assert jdoe.post("/account/change-password", form).status_code == 422

    throttled = jdoe.post("/account/change-password", form | {"current_password": PASSWORD})

    assert throttled.status_code == 422
    assert "The current password is incorrect." in throttled.content.decode()
    assert node.signs_in("jdoe", PASSWORD), "nobody is locked out of Elasticsearch"


def test_below_the_limit_neither_name_nor_address_is_written(node: TestNode) -> None:
    fail(1, "canary-name", address="192.0.2.123")
    everything = json.dumps(counters(node))
    assert "failures" in everything
    assert "canary" not in everything
    assert "192.0.2" not in everything


def test_throttle_rejects_after_a_fixed_time(node: TestNode, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.THROTTLE_ANSWER_SECONDS = 1.0
    node.put_user("jdoe")
    clock, slept = [100.0], list[float]()
    monkeypatch.setattr(throttle, "monotonic", lambda: clock[0])
    monkeypatch.setattr(throttle, "sleep", slept.append)
    ask = PersonClient.authenticate

    def takes(seconds: float) -> None:
        def slow(person: PersonClient, **options: Any) -> Any:
            clock[0] += seconds
            return ask(person, **options)

        monkeypatch.setattr(PersonClient, "authenticate", slow)

    for username, seconds in (("nobody", 0.125), ("jdoe", 0.5), ("jdoe", 1.25)):
        takes(seconds)
        fail(1, username)
    fail(1, "jdoe")
    fail(1, "jdoe")  # throttled
    assert slept == [0.875, 0.5, 0.75, 0.75, 1.0]
    del slept[:]
    takes(0.0)
    assert is_let_in("ada")
    assert slept == [], "a right password need not hide how long it took"
