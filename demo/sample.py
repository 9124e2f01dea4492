"""Creates the sample roles, users and API keys, each as it is created in real life: by an administrator, or by its owner."""

from collections.abc import Iterable
from dataclasses import replace

from accounts.services import users
from accounts.services.client import AdministratorClient
from accounts.services.client import PersonClient as Connection
from accounts.services.users import User
from demo.browser import Browser
from demo.people import MISTAKES, ROLES, Person

# Owner, name, and how long the key works.
API_KEYS = (
    ("log-shipper-eu", "eu-central-1", "90d"),
    ("log-shipper-eu", "eu-west-1", None),
    ("log-shipper-eu", "eu-west-1 before the move", None),
    ("log-shipper-eu", "load test", "1s"),
    ("kwame.mensah", "sales dashboard", None),
    ("mehmet.yilmaz", "metabase", None),
    ("viktor.hansen", "ci-pipeline", None),
)


def create_roles(elastic: AdministratorClient) -> None:
    """Create the roles; usermgmt doesn't create any, so Elasticsearch does."""
    for name, role in ROLES.items():
        elastic.security.put_role(name=name, **role)


def create_users(browser: Browser, people: Iterable[Person], password: str) -> None:
    """Create users in the session of an administrator. All of them are active, some with a mistake in them."""
    with browser.session() as client:
        for person in people:
            users.create(client, replace(user_of(person), **MISTAKES.get(person.username, {})), password)


def create_api_keys(password: str) -> None:
    """Let each owner create their keys, before some of the owners are deactivated or deleted."""
    for username, name, expiration in API_KEYS:
        # By default the call waits up to a second for the next refresh.
        Connection(username, password).create_api_key(name=name, expiration=expiration, refresh=True)


def user_of(person: Person) -> User:
    """The user as it is in the end."""
    return User(person.username, person.full_name or "", person.email or "", person.roles, metadata=person.metadata)
