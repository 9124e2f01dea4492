"""Creates the sample roles, users, and API keys, each with the credentials of the user who would create it."""

from collections.abc import Iterable
from dataclasses import replace

from accounts.services import users
from accounts.services.client import AdministratorClient
from accounts.services.client import PersonClient as Connection
from accounts.services.users import User
from demo.browser import Browser
from demo.people import MISTAKES, ROLE_MAPPINGS, ROLES, SampleUser

# Owner, name, and expiration.
API_KEYS = (
    ("log-shipper-eu", "eu-central-1", "90d"),
    ("log-shipper-eu", "eu-west-1", None),
    ("log-shipper-eu", "eu-west-1 before the move", None),
    ("log-shipper-eu", "load test", "1s"),
    ("it-helpdesk", "nightly sync", None),
    ("it-helpdesk", "onboarding script", "180d"),
    ("kwame.mensah", "sales dashboard", None),
    ("mehmet.yilmaz", "metabase", None),
    ("viktor.hansen", "ci-pipeline", None),
)

# Namespace, service, and name.
SERVICE_TOKENS = (("elastic", "fleet-server", "fleet-berlin"), ("elastic", "kibana", "kibana-old-host"))


def create_roles(elastic: AdministratorClient) -> None:
    """Create the roles and role mappings directly in Elasticsearch, because usermgmt doesn't manage them."""
    for name, role in ROLES.items():
        elastic.security.put_role(name=name, **role)
    for name, mapping in ROLE_MAPPINGS.items():
        elastic.security.put_role_mapping(name=name, enabled=True, **mapping)


def create_service_tokens(elastic: AdministratorClient) -> None:
    """Create tokens of service accounts, which usermgmt shows and doesn't manage."""
    for namespace, service, name in SERVICE_TOKENS:
        elastic.security.create_service_token(namespace=namespace, service=service, name=name)


def create_users(browser: Browser, samples: Iterable[SampleUser], password: str) -> None:
    """Create users in the session of an administrator: all active, some with MISTAKES."""
    with browser.session() as client:
        for sample in samples:
            users.create(client, replace(user_of(sample), **MISTAKES.get(sample.username, {})), password)


def create_api_keys(password: str) -> None:
    """Create the keys as their owners. Needs active owners."""
    for username, name, expiration in API_KEYS:
        # By default the call waits up to a second for the next refresh.
        Connection(username, password).create_api_key(name=name, expiration=expiration, refresh=True)


def user_of(sample: SampleUser) -> User:
    """The user without MISTAKES."""
    return User(sample.username, sample.full_name or "", sample.email or "", sample.roles, metadata=sample.metadata)
