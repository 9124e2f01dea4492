"""Roles: which exist, what they grant, and which cluster privileges imply which."""

from accounts.services.roles.anonymous import AnonymousAccess as AnonymousAccess
from accounts.services.roles.anonymous import anonymous_access as anonymous_access
from accounts.services.roles.roles import Role as Role
from accounts.services.roles.roles import RoleDetails as RoleDetails
from accounts.services.roles.roles import all_details as all_details
from accounts.services.roles.roles import all_roles as all_roles
from accounts.services.roles.roles import by_name as by_name
from accounts.services.roles.roles import descriptors as descriptors
from accounts.services.roles.roles import effective as effective
from accounts.services.roles.roles import get as get
from accounts.services.roles.roles import get_many as get_many
from accounts.services.roles.roles import is_enabled as is_enabled
from accounts.services.roles.roles import names as names
