"""Roles that are defined in a file of the nodes (`roles.yml`).

They grant privileges, but `_security/role` doesn't list them: a role that it doesn't list is only nonexistent if there are none.
"""

from typing import Final

from accounts.services import errors
from accounts.services.client import cached_for_service, service_client
from accounts.services.roles.escalation import Escalation, Path

MAY_BE_IN_FILE: Final = Escalation(
    Path(
        "file-role",
        "Elasticsearch doesn't list the role, which may be defined in a file",
        "What the file grants.",
        "Look for the role in roles.yml on each node. If no node has it, remove the role.",
        is_certain=False,
    ),
    "roles.yml",
    is_certain=False,
)


# The elected master asks all features for their usage, which takes long on a large cluster.
@cached_for_service(times=12)
def may_exist() -> bool:
    """Whether there are roles in files, or that isn't known. One call (`_xpack/usage`): the elected master counts its own."""
    try:
        answer = service_client().xpack.usage(filter_path="security.roles.file.size")
        return bool(answer["security"]["roles"]["file"]["size"] != 0)
    except (errors.ServiceError, KeyError):
        return True
