"""Loads sample users and roles into a node with the security API, in parallel."""

from concurrent.futures import ThreadPoolExecutor

from elasticsearch import Elasticsearch

from benchmarks.people import ROLES, SampleUser, sample_user

THREADS = 16
# No known password has this bcrypt hash. With plain passwords, the node would hash for an hour.
PASSWORD_HASH = "$2a$10$" + "abcdefghijklmnopqrstuu" + "X" * 31


def load_roles(client: Elasticsearch) -> None:
    """Create all sample roles, each with its own indices."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: _put_role(client, name), ROLES))


def load_users(client: Elasticsearch, numbers: range) -> None:
    """Create the sample users with these numbers; the last call refreshes the index, so that searches find all of them."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _put_user(client, sample_user(number), refresh=False), numbers[:-1]))
    _put_user(client, sample_user(numbers[-1]), refresh=True)


def remove_users(client: Elasticsearch, numbers: range) -> None:
    """Delete the sample users with these numbers."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _delete_user(client, number, refresh=False), numbers[:-1]))
    _delete_user(client, numbers[-1], refresh=True)


def _delete_user(client: Elasticsearch, number: int, *, refresh: bool) -> None:
    client.security.delete_user(username=sample_user(number).username, refresh=refresh)


def _put_role(client: Elasticsearch, name: str) -> None:
    department, duty, region = name.split("_")
    privileges = ["read", "view_index_metadata"] if duty in ("reader", "analyst") else ["read", "write", "create_index"]
    client.security.put_role(
        name=name,
        description=f"{duty.capitalize()} of the {department} figures of {region.upper()}",
        indices=[{"names": [f"{department}-{region}-*"], "privileges": privileges}],
        refresh=False,
    )


def _put_user(client: Elasticsearch, user: SampleUser, *, refresh: bool) -> None:
    client.security.put_user(
        username=user.username,
        password_hash=PASSWORD_HASH,
        full_name=user.full_name or None,
        email=user.email or None,
        roles=list(user.roles),
        enabled=user.enabled,
        metadata={},
        refresh=refresh,
    )
