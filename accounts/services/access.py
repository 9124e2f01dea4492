"""Everything that can sign in to Elasticsearch or call it, in numbers: users, API keys, role mappings, and service accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from accounts.services import api_keys, realms, role_mappings, service_accounts, users
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.realms import Realm
from accounts.services.users import UserQuery, administrators
from accounts.services.users.administrators import Administration

MAX_REALMS: Final = 100


@dataclass(frozen=True, slots=True)
class Users:
    """The numbers of native and reserved users; None if the cluster doesn't allow the query. `reserved`: also in the others."""

    active: int | None
    deactivated: int | None
    reserved: int | None


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The numbers of active API keys; of realms, those with the most keys."""

    active: int
    never_expiring: int
    by_realm: Mapping[str, int]

    @property
    def realms(self) -> list[Realm]:
        return [Realm(name, seen=(_owners_of(number),)) for name, number in self.by_realm.items()]


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
    """Two calls, and two cached ones. Raises AccessDenied without `read_security`."""
    queries = (UserQuery(status="active"), UserQuery(status="deactivated"), UserQuery(kind="reserved"))
    return Users(*users.count_each(client, queries))


def count_api_keys(client: PersonClient) -> ApiKeys:
    """One call (`aggs` of `_security/_query/api_key`). Raises AccessDenied without `read_security`."""
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
    return ApiKeys(answer["total"], found["never_expiring"]["doc_count"], by_realm)


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
