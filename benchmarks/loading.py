"""Loads users and roles into a node through the security API, as quickly as that goes."""

from concurrent.futures import ThreadPoolExecutor

from elasticsearch import Elasticsearch

from benchmarks.people import ROLES, Someone, someone

THREADS = 16
# The hash of a random password. With plain passwords, the node would hash for an hour.
NOBODYS_HASH = "$2a$10$" + "abcdefghijklmnopqrstuu" + "X" * 31


def load_roles(client: Elasticsearch) -> None:
    """Every role of `people`, each for indices of its own."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: _put_role(client, name), ROLES))


def load_users(client: Elasticsearch, numbers: range) -> None:
    """The users of these numbers; the last call makes all of them visible."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _put_user(client, someone(number), refresh=False), numbers[:-1]))
    _put_user(client, someone(numbers[-1]), refresh=True)


def remove_users(client: Elasticsearch, numbers: range) -> None:
    """Take the users of these numbers away again."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _delete_user(client, number, refresh=False), numbers[:-1]))
    _delete_user(client, numbers[-1], refresh=True)


def _delete_user(client: Elasticsearch, number: int, *, refresh: bool) -> None:
    client.security.delete_user(username=someone(number).username, refresh=refresh)


def _put_role(client: Elasticsearch, name: str) -> None:
    department, duty, region = name.split("_")
    privileges = ["read", "view_index_metadata"] if duty in ("reader", "analyst") else ["read", "write", "create_index"]
    client.security.put_role(
        name=name,
        description=f"{duty.capitalize()} of the {department} figures of {region.upper()}",
        indices=[{"names": [f"{department}-{region}-*"], "privileges": privileges}],
        refresh=False,
    )


def _put_user(client: Elasticsearch, who: Someone, *, refresh: bool) -> None:
    client.security.put_user(
        username=who.username,
        password_hash=NOBODYS_HASH,
        full_name=who.full_name or None,
        email=who.email or None,
        roles=list(who.roles),
        enabled=who.enabled,
        metadata={},
        refresh=refresh,
    )
