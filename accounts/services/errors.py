"""What can go wrong between usermgmt and Elasticsearch, as types. `client` raises them, `views.errors` turns each into a page.

ServiceError
├── NotFound                 the requested object doesn't exist (404)
│   ├── RoleNotFound         it was a role
│   └── ReviewNotFound       it was an access review, or an item of one
├── AuthenticationFailed     Elasticsearch doesn't accept the credentials, or can't verify them at the moment (401)
│   └── RateLimited          too many failed attempts: the password wasn't checked
├── AccessDenied             the caller lacks a privilege (403)
│   └── LicenseExpired       the license of the cluster has expired, and with it the feature
├── Conflict                 a document was changed, or exists already (409)
│   ├── UserLocked           another change holds the lock of the same user
│   ├── UserExists           the name of a user to create is taken
│   ├── UserOverwritten      a creation met another one that was made outside usermgmt
│   ├── EditConflict         the user was changed in the meantime
│   ├── DecisionConflict     another reviewer decided on the same user in the meantime
│   ├── ReviewClosed         a review is signed off, or being signed off: nothing of it changes anymore
│   └── ReviewIncomplete     a review can't be signed off while decisions are pending
├── Invalid                  Elasticsearch rejects a value (400)
│   └── SearchNotAllowed     a setting of the cluster forbids the query
├── Unavailable              no answer, or an answer that says "not now"; nothing was changed
│   ├── ClientDisconnected   the client of a long download went away before its end
│   └── AuditUnavailable     the intent of a change couldn't be recorded, so the change wasn't made
├── OutcomeUnknown           a change was sent and its answer was lost: it may or may not have been applied
└── NotSetUp                 the cluster isn't set up the way usermgmt needs: `manage.py setup_cluster`
    └── IndexNotFound        an index of usermgmt doesn't exist
"""

from dataclasses import dataclass


class ServiceError(Exception):
    """Anything in the tree above. The message is Elasticsearch's or the client's own, for the log; pages show other words.

    `code` names the class in the audit trail (`event.reason`), which outlives the names of classes.
    """

    code = "service_error"
    is_recorded = False  # whether the audit trail has it already, as the outcome of a change


class NotFound(ServiceError):
    code = "not_found"


class RoleNotFound(NotFound):
    """There is no role of that name, and no user has it."""

    code = "role_not_found"


class ReviewNotFound(NotFound):
    code = "review_not_found"


class AuthenticationFailed(ServiceError):
    """401: wrong credentials, a deactivated user, or a cluster that can't read its users at the moment. It proves none of them."""

    code = "authentication_failed"


class RateLimited(AuthenticationFailed):
    """Too many failed attempts lately: Elasticsearch wasn't asked. Pages say what they say of a wrong password."""

    code = "rate_limited"


class AccessDenied(ServiceError):
    """403: the caller lacks a privilege; the message names it."""

    code = "access_denied"


class LicenseExpired(AccessDenied):
    """403, whatever the caller's privileges are: the license has expired. This refuses, among others, `_cluster/health`."""

    code = "license_expired"


class Conflict(ServiceError):
    """409: another write was first."""

    code = "conflict"


class UserLocked(Conflict):
    """Another change of the same user is being made; nothing was written."""

    code = "user_locked"


class UserExists(Conflict):
    code = "user_exists"


class UserOverwritten(Conflict):
    """The answer to a creation was `"created": false`: a user who was created outside usermgmt a moment before was overwritten."""

    code = "user_overwritten"


@dataclass(frozen=True)
class FieldConflict:
    """One field of a user that was changed in the meantime: the value that the form started from, and the current one."""

    name: str
    was: str
    now: str

    @property
    def label(self) -> str:
        return {"full_name": "Full name", "email": "Email address", "roles": "Roles", "enabled": "Status"}[self.name]


class EditConflict(Conflict):
    """The user isn't what the form started from; nothing was written."""

    code = "edit_conflict"

    def __init__(self, fields: list[FieldConflict]) -> None:
        super().__init__(", ".join(field.name for field in fields))
        self.fields = fields


class DecisionConflict(Conflict):
    """Another reviewer decided on the item after it was shown; nothing was written."""

    code = "decision_conflict"


class ReviewClosed(Conflict):
    """The review isn't open: its snapshot isn't ready, or it is signed off or being signed off."""

    code = "review_closed"


class ReviewIncomplete(Conflict):
    """`pending` says how many items of the review have no decision."""

    code = "review_incomplete"

    def __init__(self, pending: int) -> None:
        super().__init__(f"{pending} items are pending")
        self.pending = pending


class Invalid(ServiceError):
    """400: the message is Elasticsearch's reason."""

    code = "invalid"


class SearchNotAllowed(Invalid):
    """The cluster has `search.allow_expensive_queries: false`: it rejects `wildcard`, `prefix`, and most `range` queries."""

    code = "search_not_allowed"


class Unavailable(ServiceError):
    """The cluster can't be reached, is too busy, or lacks the shards it needs. Nothing was changed."""

    code = "unavailable"


class ClientDisconnected(Unavailable):
    code = "client_disconnected"


class AuditUnavailable(Unavailable):
    """The intent of a change couldn't be recorded. `why` is the type of Elasticsearch's error, or the code of ours."""

    code = "audit_unavailable"

    def __init__(self, why: str, reason: str) -> None:
        super().__init__(f"{why}: {reason}")
        self.why = why


class OutcomeUnknown(ServiceError):
    code = "outcome_unknown"


class NotSetUp(ServiceError):
    """The API key of usermgmt is missing, revoked, or lacks privileges, or the cluster has another setting in the way."""

    code = "not_set_up"


class IndexNotFound(NotSetUp):
    """404 for an index, which is never an object that a user asked for."""

    code = "index_not_found_exception"  # as Elasticsearch has it, also in the items of `_bulk`
