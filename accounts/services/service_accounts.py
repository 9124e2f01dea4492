"""Service accounts: identities of Fleet Server, Kibana, and others, built into Elasticsearch, with tokens (`_security/service`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.errors import NotFound
from accounts.services.roles import escalation
from accounts.services.roles.escalation import RUN_AS, Escalation

TOKENS: Final = {"with": "with tokens", "without": "without tokens"}
ADMINISTRATORS: Final = {
    "yes": "can become an administrator",
    "unknown": "not known whether it can become an administrator",
    "no": "can't become an administrator",
}
SORT: Final = {"name": "name", "tokens": "number of tokens"}
ANSWERS: Final = {"yes": True, "unknown": None, "no": False}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret. `nodes`: those with the token in their file `service_tokens`; () for a token in the index.

    Elasticsearch doesn't say when a token was created or used. None expires.
    """

    name: str
    nodes: tuple[str, ...] = ()

    @property
    def source(self) -> Literal["index", "file"]:
        return "file" if self.nodes else "index"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """`name`: with its namespace, as in "elastic/kibana". `silent_nodes`: how many nodes didn't report their file tokens."""

    name: str
    privileges: Mapping[str, Any]
    escalations: tuple[Escalation, ...] = ()
    tokens: tuple[Token, ...] = ()
    silent_nodes: int = 0

    @property
    def is_administrator(self) -> bool | None:
        """Whether whoever has a token is an administrator or can become one; None if that isn't known."""
        return escalation.is_administrator(self.escalations)

    @property
    def has_tokens(self) -> bool | None:
        """None if none is known, and not all nodes reported theirs."""
        return True if self.tokens else None if self.silent_nodes else False

    def token_names(self, source: str) -> tuple[str, ...]:
        return tuple(token.name for token in self.tokens if token.source == source)


@dataclass(frozen=True, slots=True)
class ServiceAccountQuery:
    """Which service accounts, and their order. `tokens`, `administrator`, and `sort`: keys of TOKENS, ADMINISTRATORS, and SORT."""

    q: str = ""
    tokens: str = ""
    administrator: str = ""
    sort: str = "name"
    descending: bool = False

    def __str__(self) -> str:
        """For example "with tokens, sorted by name (ascending)"."""
        search = f"name or token contains “{self.q}”" if self.q else ""
        conditions = [search, TOKENS.get(self.tokens, ""), ADMINISTRATORS.get(self.administrator, "")]
        found = ", ".join(filter(None, conditions)) or "all service accounts"
        return f"{found}, sorted by {SORT[self.sort]} ({'descending' if self.descending else 'ascending'})"

    def selects(self, account: ServiceAccount) -> bool:
        """An account with unknown tokens is neither with nor without tokens."""
        texts = [account.name, *(token.name for token in account.tokens)]
        return (
            any(self.q.casefold() in text.casefold() for text in texts)
            and (not self.tokens or account.has_tokens is (self.tokens == "with"))
            and (not self.administrator or account.is_administrator is ANSWERS[self.administrator])
        )

    def apply(self, accounts: Iterable[ServiceAccount]) -> list[ServiceAccount]:
        """The selected accounts, in order."""
        found = sorted(filter(self.selects, accounts), key=lambda account: account.name, reverse=self.descending)
        return sorted(found, key=_token_count, reverse=self.descending) if self.sort == "tokens" else found


def load(client: PersonClient) -> list[ServiceAccount]:
    """All of them, by name. A call, and one for each account, of which Elasticsearch has about five.

    Raises AccessDenied without `read_security`.
    """
    return [_account(client, name, body) for name, body in sorted(client.get_service_accounts().body.items())]


# For pages.
recently_loaded: Final = cached_per_scope(load)


def get(client: PersonClient, name: str) -> ServiceAccount:
    """One account, in two calls. Raises NotFound, and AccessDenied without `read_security`."""
    bodies = client.get_service_accounts().body
    if name not in bodies:
        raise NotFound(name)
    return _account(client, name, bodies[name])


def escalations_of(privileges: Mapping[str, Any]) -> tuple[Escalation, ...]:
    """What the privileges of a service account open. None of them has `run_as` so far; whom it would match isn't looked up."""
    names = privileges.get("run_as") or []
    acting = [Escalation(RUN_AS, f"run_as {', '.join(names)}", is_certain=False)] if names else []
    return (*escalation.of(privileges), *acting)


def _account(client: PersonClient, name: str, body: Mapping[str, Any]) -> ServiceAccount:
    namespace, _, service = name.partition("/")
    answer = client.get_service_credentials(namespace=namespace, service=service).body
    on_nodes = answer["nodes_credentials"]
    tokens = [Token(token) for token in answer["tokens"]]
    tokens += [Token(token, tuple(sorted(each["nodes"]))) for token, each in on_nodes["file_tokens"].items()]
    privileges = body["role_descriptor"]
    return ServiceAccount(
        name,
        privileges,
        escalations_of(privileges),
        tuple(sorted(tokens, key=lambda token: (token.name, token.source))),
        on_nodes["_nodes"]["failed"],
    )


def _token_count(account: ServiceAccount) -> int:
    return len(account.tokens)
