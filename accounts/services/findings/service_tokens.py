"""Tokens of service accounts: whoever has one has the privileges of the account."""

from collections.abc import Iterable, Iterator
from typing import Final

from accounts.services import errors, service_accounts
from accounts.services.client import PersonClient
from accounts.services.findings.rows import Row
from accounts.services.service_accounts import ServiceAccount

SLUG: Final = "service-tokens"
NO_INFORMATION: Final = "It couldn't be determined which service accounts have tokens."
ANSWERS: Final = {
    True: "Makes an administrator",
    None: "Not known whether it makes an administrator",
    False: "Opens no known way to become an administrator",
}


def find(client: PersonClient) -> dict[str, list[Row]]:
    """A row for each token, and for each account of which not all nodes reported their tokens. Calls as `service_accounts.load`."""
    try:
        return {SLUG: list(rows_of(service_accounts.load(client)))}
    except errors.AccessDenied:
        return {SLUG: [Row("", "", "", NO_INFORMATION, badges=("No information",))]}


def rows_of(accounts: Iterable[ServiceAccount]) -> Iterator[Row]:
    for account in accounts:
        opens = "; ".join(map(str, account.escalations))
        administrator = f"{ANSWERS[account.is_administrator]}{f': {opens}' if opens else ''}."
        for token in account.tokens:
            where = f"in the file service_tokens of {', '.join(token.nodes)}" if token.nodes else "in the index"
            details = f"Token “{token.name}”, {where}. {administrator}"
            yield Row(f"{account.name}/{token.name}/{token.source}", account.name, "", details)
        if account.silent_nodes:
            details = f"File tokens of {account.silent_nodes} node{'s' if account.silent_nodes > 1 else ''} couldn't be read."
            yield Row(f"{account.name}//silent", account.name, "", details, badges=("No information",))
