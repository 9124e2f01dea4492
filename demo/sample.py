"""Loads the sample people and roles through the security API."""

from collections.abc import Mapping

from elasticsearch import Elasticsearch

from demo.people import ADMINISTRATOR, AUDITOR, PEOPLE, ROLES, Person


def load_sample(client: Elasticsearch, passwords: Mapping[str, str]) -> None:
    """Create the roles and people that are missing; those who exist stay as somebody may have changed them.

    `passwords` has one for `admin`, one for `auditor` and one that all `people` share.
    """
    client = client.options(max_retries=0)
    missing_roles = ROLES.keys() - client.security.get_role().body.keys()
    for name in missing_roles:
        client.security.put_role(name=name, **ROLES[name])
    # All users at once: a look-up of `x,y` alone would ask for the users x and y.
    known = client.security.get_user().body
    wanted = [(person, passwords["people"]) for person in PEOPLE]
    wanted += [(ADMINISTRATOR, passwords["admin"]), (AUDITOR, passwords["auditor"])]
    missing = [(person, password) for person, password in wanted if person.username not in known]
    for number, (person, password) in enumerate(missing, start=1):
        # One refresh for all of them: it costs more than the rest of the call.
        _create(client, person, password, refresh=number == len(missing))


def _create(client: Elasticsearch, person: Person, password: str, *, refresh: bool) -> None:
    client.security.put_user(
        username=person.username,
        password=password,
        full_name=person.full_name,
        email=person.email,
        roles=list(person.roles),
        enabled=person.enabled,
        metadata=person.metadata,
        refresh=refresh,
    )
