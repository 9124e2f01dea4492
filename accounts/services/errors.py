"""What can go wrong between us and Elasticsearch, as types; `connection` raises them, `views.errors` turns each into a page.

ServiceError
├── NotFound            what was asked for does not exist (404)
│   ├── RoleNotFound    it was a role
│   └── ReviewNotFound  it was an access review, or an item of one
├── AuthenticationFailed  the caller's credentials are not accepted, or cannot be checked just now (401)
│   └── RateLimited       too many wrong passwords: nobody was asked whether this one is right
├── Refused             the cluster does not allow it to this caller (403)
├── Conflict            a document changed, or exists already (409)
│   ├── Busy            somebody else holds the lock of the same user
│   ├── UserExists      the name of a user to create is taken
│   ├── UserOverwritten creating a user met another creation outside of the product
│   ├── EditConflict    somebody else changed the user meanwhile
│   ├── MarkConflict    somebody else marked the same item of a review meanwhile
│   ├── ReviewClosed    a review is signed off, or being signed off: nothing of it changes any more
│   └── ReviewIncomplete  a review cannot be signed off while items are open
├── Invalid             the cluster does not accept a value (400)
├── Unavailable         no answer, or an answer that says "not now"; nothing was changed
│   ├── ClientDisconnected       whoever asked for a long answer did not wait for its end
│   └── AuditUnavailable     the audit trail does not take the record of a change, so the change was not done
├── OutcomeUnknown      a change was sent and its answer was lost: it may or may not have happened
└── NotSetUp            the product's own API key is missing or not accepted: `manage.py setup_cluster`
"""

from dataclasses import dataclass


class ServiceError(Exception):
    """Anything in the tree above. The message is the cluster's or client's own, for the log; people get other words."""

    is_recorded = False  # whether the audit trail has it already, as what became of a change


class NotFound(ServiceError):
    """The user, role or document does not exist."""


class RoleNotFound(NotFound):
    """There is no role of that name, and nobody has it."""


class ReviewNotFound(NotFound):
    """There is no such access review, or no such item in it."""


class AuthenticationFailed(ServiceError):
    """401: wrong credentials, a deactivated user, or a cluster that cannot read its users just now. It proves none of them."""


class RateLimited(AuthenticationFailed):
    """Too many wrong passwords lately; the cluster was not asked. People are told what a wrong password is told."""


class AccessDenied(ServiceError):
    """403: the caller lacks a privilege; the message names it."""


class Conflict(ServiceError):
    """409: another write was first."""


class UserLocked(Conflict):
    """Somebody else is saving the same user at this moment; nothing was written."""


class UserExists(Conflict):
    """A user of that name exists."""


class UserOverwritten(Conflict):
    """The answer to a creation was `"created": false`: a user made elsewhere a moment before was overwritten."""


@dataclass(frozen=True)
class FieldConflict:
    """One field of a user that somebody else changed: what the form started from, and what Elasticsearch has now."""

    name: str
    was: str
    now: str

    @property
    def label(self) -> str:
        """The field's name as the form has it."""
        return {"full_name": "Full name", "email": "Email address", "roles": "Roles", "enabled": "Status"}[self.name]


class EditConflict(Conflict):
    """The user is not any more what the form started from; nothing was written."""

    def __init__(self, fields: list[FieldConflict]) -> None:
        super().__init__(", ".join(field.name for field in fields))
        self.fields = fields


class MarkConflict(Conflict):
    """Somebody else marked the item after it was shown; nothing was written."""


class ReviewClosed(Conflict):
    """The review is not open: it is still being frozen, or it is signed off, or about to be."""


class ReviewIncomplete(Conflict):
    """Items of the review are open; `left` says how many."""

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} items are open")
        self.left = left


class Invalid(ServiceError):
    """400: the message is the cluster's reason."""


class Unavailable(ServiceError):
    """The cluster cannot be reached, is too busy, or lacks the shards it needs. Nothing was changed."""


class ClientDisconnected(Unavailable):
    """Nobody waits for the rest of an answer, such as an export; it was not finished."""


class AuditUnavailable(Unavailable):
    """What was to be done could not be written down first, so it was not done. `why` is Elasticsearch's type of error, or ours."""

    def __init__(self, why: str, reason: str) -> None:
        super().__init__(f"{why}: {reason}")
        self.why = why


class OutcomeUnknown(ServiceError):
    """The answer to a change was lost on the way. Look before trying again."""


class NotSetUp(ServiceError):
    """The product's own key is missing, revoked or too weak."""
