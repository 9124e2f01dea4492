"""Everything that can sign in to Elasticsearch or call it, in numbers: users, API keys, role mappings, and service accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from accounts.services import api_keys, realms, role_mappings, service_accounts, users
from accounts.services.api_keys import pages as key_pages
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.realms import Realm
from accounts.services.roles import escalation
from accounts.services.users import UserQuery, administrators
from accounts.services.users.administrators import Administration

MAX_REALMS: Final = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """How many can become an administrator, of how many that isn't known, and how many can't."""

    yes: int
    unknown: int
    no: int

    @classmethod
    def of(cls, answers: Iterable[bool | None]) -> Self:
        given = list(answers)
        return cls(given.count(True), given.count(None), given.count(False))


@dataclass(frozen=True, slots=True)
class Users:
    """The numbers of native and reserved users; None if the cluster doesn't allow the query. `reserved`: also in the others.

    `answers`: of the active ones.
    """

    active: int | None
    deactivated: int | None
    reserved: int | None
    answers: Answers | None


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The numbers of active API keys; of realms, those with the most keys.

    `answers`: None if there are too many to look at each.
    """

    active: int
    never_expiring: int
    by_realm: Mapping[str, int]
    answers: Answers | None

    @property
    def realms(self) -> list[Realm]:
        return [Realm(name, seen=(_owners_of(number),)) for name, number in self.by_realm.items()]


@dataclass(frozen=True, slots=True)
class RoleMappings:
    """The numbers of role mappings; `answers`: of the enabled ones."""

    total: int
    enabled: int
    answers: Answers
    realms: list[Realm]


@dataclass(frozen=True, slots=True)
class ServiceAccounts:
    """The numbers of service accounts; `answers`: of those with tokens."""

    total: int
    used: int
    index_tokens: int
    file_tokens: int
    silent_nodes: int
    answers: Answers


def administration(client: PersonClient) -> Administration:
    """Which roles make an administrator, anonymous access included; cached. Raises AccessDenied without `read_security`."""
    return administrators.of_all_roles(client)


def count_users(client: PersonClient) -> Users:
    """Four calls, and cached ones. Raises AccessDenied without `read_security`."""
    active, deactivated, reserved, yes, unknown = users.count_each(
        client,
        [
            UserQuery(status="active"),
            UserQuery(status="deactivated"),
            UserQuery(kind="reserved"),
            UserQuery(status="active", flags=("administrator",)),
            UserQuery(status="active", flags=("possible-administrator",)),
        ],
    )
    answers = None
    if active is not None and yes is not None and unknown is not None:
        answers = Answers(yes, unknown, max(0, active - yes - unknown))
    return Users(active, deactivated, reserved, answers)


def count_api_keys(client: PersonClient) -> ApiKeys:
    """One call (`aggs` of `_security/_query/api_key`), and `_answers_of_keys`. Raises AccessDenied without `read_security`."""
    answer = client.query_api_keys(
        query=api_keys.active_query(),
        size=0,
        aggs={
            "never_expiring": {"missing": {"field": "expiration"}},
            "realms": {"terms": {"field": "realm_name", "size": MAX_REALMS}},
        },
    )
    found = answer["aggregations"]
    by_realm = {bucket["key"]: bucket["doc_count"] for bucket in found["realms"]["buckets"]}
    answers = _answers_of_keys(client) if answer["total"] <= api_keys.MAX_READ else None
    return ApiKeys(answer["total"], found["never_expiring"]["doc_count"], by_realm, answers)


@cached_per_scope
def _answers_of_keys(client: PersonClient) -> Answers | None:
    """A call for each 1,000 active keys, because Elasticsearch can't search for what they can do; None if there are too many."""
    found: list[bool | None] = []
    for page in key_pages.pages(client, None, api_keys.MAX_READ // key_pages.PAGE_SIZE):
        if page.total > api_keys.MAX_READ:
            return None
        found += [escalation.is_administrator(api_keys.escalations_of(key)) for key in page.keys]
    return Answers.of(found)


@cached_per_scope
def count_role_mappings(client: PersonClient) -> RoleMappings:
    """One call, and those for the roles, all of them cached. Raises AccessDenied without `read_security`."""
    assessed = role_mappings.recently_assessed(client)
    enabled = [each for each in assessed if each.mapping.is_enabled]
    return RoleMappings(
        len(assessed),
        len(enabled),
        Answers.of(each.is_administrator for each in enabled),
        [
            Realm(realm, seen=(f"Rules of the role mapping {each.mapping.name}",))
            for each in assessed
            for realm in dict.fromkeys(realms.named_in(each.mapping.rules))
        ],
    )


def count_service_accounts(client: PersonClient) -> ServiceAccounts:
    """Calls as `service_accounts.load`, cached. Raises AccessDenied without `read_security`."""
    accounts = service_accounts.recently_loaded(client)
    used = [account for account in accounts if account.has_tokens]
    return ServiceAccounts(
        len(accounts),
        len(used),
        sum(len(account.token_names("index")) for account in used),
        sum(len(account.token_names("file")) for account in used),
        max((account.silent_nodes for account in accounts), default=0),
        Answers.of(account.is_administrator for account in used),
    )


def _owners_of(number: int) -> str:
    return "Owner of 1 active API key" if number == 1 else f"Owners of {number:,} active API keys"
