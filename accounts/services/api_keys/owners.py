"""The owners of API keys, as far as Elasticsearch knows them: users of the native and the reserved realm."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accounts.services import roles, users
from accounts.services.api_keys.keys import Key, own_realm
from accounts.services.api_keys.privileges import NO_EXCESS, Excess, excess
from accounts.services.client import PersonClient
from accounts.services.roles import AnonymousAccess, file_roles
from accounts.services.roles.grants import Body
from accounts.services.users import User


@dataclass(frozen=True)
class Owners:
    """Owners by realm type and username, all roles that exist, and the roles that everybody has."""

    users: Mapping[tuple[str, str], User]
    descriptors: Mapping[str, Body]
    anonymous: AnonymousAccess

    def of(self, key: Key) -> User | None:
        """The owner; None for a deleted one, and for those of other realms."""
        return self.users.get((own_realm(key), key["username"]))

    def excess(self, key: Key) -> Excess | None:
        """What the key can do beyond its owner; None without an owner who can be compared, see `of`."""
        owner = self.of(key)
        if owner is None:
            return None
        held = [*owner.roles, *self.anonymous.roles]
        found = excess(key, held, self.descriptors)
        unlisted = () if found == NO_EXCESS else tuple(name for name in held if name not in self.descriptors)
        return Excess(is_known=False, unlisted=unlisted) if unlisted and file_roles.may_exist() else found


def load_owners(client: PersonClient, keys: Iterable[Key]) -> Owners:
    """The owners of these keys. Raises AccessDenied without `read_security`.

    Three calls, and one for anonymous access. `excess` takes one more, cached, if an owner has a role that isn't listed.
    """
    names = {key["username"] for key in keys if own_realm(key) == "native"}
    known = {("reserved", user.username): user for user in users.reserved(client)}
    known |= {("native", user.username): user for user in (users.get_many(client, names) if names else [])}
    return Owners(known, roles.descriptors(client), roles.anonymous_access(client))
