"""The subjects of reviews: users, API keys, and role mappings."""

from typing import Any, Final

from accounts.services.reviews.subjects.api_keys import ApiKeys
from accounts.services.reviews.subjects.api_keys import KeyFilter as KeyFilter
from accounts.services.reviews.subjects.base import Current as Current
from accounts.services.reviews.subjects.base import Decision as Decision
from accounts.services.reviews.subjects.base import Removal as Removal
from accounts.services.reviews.subjects.base import RemovalWords as RemovalWords
from accounts.services.reviews.subjects.base import Row as Row
from accounts.services.reviews.subjects.base import Subject as Subject
from accounts.services.reviews.subjects.role_mappings import MappingFilter as MappingFilter
from accounts.services.reviews.subjects.role_mappings import RoleMappings
from accounts.services.reviews.subjects.users import Users
from accounts.services.users import UserQuery

USERS: Final = Users()
API_KEYS: Final = ApiKeys()
ROLE_MAPPINGS: Final = RoleMappings()
SUBJECTS: Final[dict[str, Subject[Any]]] = {subject.slug: subject for subject in (USERS, API_KEYS, ROLE_MAPPINGS)}
REMOVALS: Final = tuple(dict.fromkeys(removal for subject in SUBJECTS.values() for removal in subject.removals))

Query = UserQuery | KeyFilter | MappingFilter


def of_query(query: Query) -> Subject[Any]:
    """The subject that a query is about."""
    match query:
        case KeyFilter():
            return API_KEYS
        case MappingFilter():
            return ROLE_MAPPINGS
    return USERS
