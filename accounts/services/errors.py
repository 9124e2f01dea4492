"""What can go wrong between usermgmt and Elasticsearch, as types. `client` raises them, `views.errors` turns each into a page.

ServiceError
├── NotFound                 the requested object doesn't exist (404)
│   ├── RoleNotFound         it was a role
│   ├── RoleMappingNotFound  it was a role mapping
│   ├── ApiKeyNotFound       it was an API key
│   ├── ReviewNotFound       it was an access review, or an item of one
│   ├── JobNotFound          it was a bulk change
│   └── EventNotFound        it was an event of the audit trail
├── AuthenticationFailed     Elasticsearch doesn't accept the credentials, or can't verify them at the moment (401)
│   └── RateLimited          too many failed attempts: the password wasn't checked
├── AccessDenied             the caller lacks a privilege (403)
│   ├── LicenseExpired       the license of the cluster has expired, and with it the feature
│   └── AdministratorsUnknown  the caller can't read whether another active user could manage users; nothing was changed
├── Conflict                 a document was changed, or exists already (409)
│   ├── UserLocked           another change holds the lock of the same user
│   ├── AdministratorsLocked another change takes the permission to manage users from an administrator
│   ├── UserExists           the name of a user to create is taken
│   ├── UserOverwritten      a creation met another one that was made outside usermgmt
│   ├── PreconditionFailed   a caller of the user API made a condition (If-Match, If-None-Match) that isn't met
│   ├── EditConflict         the user was changed in the meantime
│   ├── DecisionConflict     another reviewer decided on the same user in the meantime
│   ├── JobStateChanged      a bulk change was started, paused, finished, or discarded in the meantime
│   ├── JobNotAuthentic      a bulk change wasn't stored like this by usermgmt, or by a version without signatures
│   ├── StepRepeated         the audit trail has this change of a bulk change already; nothing was changed
│   ├── ReviewClosed         a review is canceled, signed off, or being signed off: nothing of it changes anymore
│   └── ReviewIncomplete     a review can't be signed off while decisions are pending
├── DocumentDamaged          a document of usermgmt has a missing or invalid field: another program has written it
│   └── ReviewDamaged        items of a review are such documents, so it can't be signed off
├── MetadataErased           the old metadata of a user was removed, and the new one wasn't written
├── LastAdministrator        without this user, no active user could manage users; nothing was changed
├── Invalid                  Elasticsearch rejects a value (400)
│   ├── SearchNotAllowed     a setting of the cluster forbids the query
│   │   ├── FilterNotSearchable  the query depends on metadata or the audit trail, for too many users
│   │   ├── TooManyKeys          the query depends on what API keys can do, for too many of them
│   │   └── SearchNeedsScripts   the query needs a script
│   └── Refused              usermgmt itself rejects a value or a change that Elasticsearch would accept
│       ├── InvalidFilter    a value of a filter
│       └── InvalidPassword  the password policy
├── Unavailable              a read without an answer, or a change that wasn't made
│   ├── Declined             Elasticsearch answered "not now" (429, 503, a block); nothing was changed
│   ├── Unreachable          a change was never sent, because there was no connection
│   ├── ClientDisconnected   the client of a long download went away before its end
│   ├── TlsMismatch          HTTP and HTTPS, or the certificates of Elasticsearch and the settings, don't fit together
│   └── AuditUnavailable     the intent of a change couldn't be recorded, so the change wasn't made
├── OutcomeUnknown           a change was sent, and its answer was lost or proves nothing: it may or may not have been applied
│   └── MetadataUnknown      the old metadata of a user was perhaps removed, and the new one perhaps not written
└── NotSetUp                 the cluster isn't set up the way usermgmt needs: `manage.py setup_cluster`
    ├── IndexNotFound        an index of usermgmt doesn't exist
    ├── UnsupportedCluster   it is too old, has no security, or something else than Elasticsearch responds
    ├── NativeRealmOff       native users can't sign in to the cluster
    ├── TemplateNotApplied   the index template of someone else, or none, applies to an index of usermgmt
    ├── WritesBlocked        the cluster or an index accepts only reads
    ├── NoShardsLeft         the cluster has as many shards as it allows, and a new index needs more
    └── CredentialsLost      a request arrived without the credentials that it was sent with
"""

from dataclasses import dataclass
from typing import Any, Final

from usermgmt.paths import SETUP_CLUSTER


class ServiceError(Exception):
    """Anything in the tree above. The message is Elasticsearch's or the client's own, for the log; pages show other words.

    `code` names the class in the audit trail (`event.reason`), which outlives the names of classes. `problem`: for errors that
    an administrator has to solve, what is in the way and what to do, in the words of pages, commands, and checks.
    """

    code = "service_error"
    problem = ""
    answer: Any = None  # the response that the error comes from, if the caller wants it as it is (client.Answer)
    is_recorded = False  # whether the audit trail has it already, as the outcome of a change

    @property
    def explanation(self) -> str:
        """For commands: the problem, and the message unless it is the same."""
        message = str(self)
        return f"{self.problem} Details: {message}" if self.problem and message != self.problem else message


class NotFound(ServiceError):
    code = "not_found"


class RoleNotFound(NotFound):
    """There is no role of that name, and no user has it."""

    code = "role_not_found"


class RoleMappingNotFound(NotFound):
    code = "role_mapping_not_found"


class ApiKeyNotFound(NotFound):
    """There is no API key with that ID, or the user can't view it."""

    code = "api_key_not_found"


class ReviewNotFound(NotFound):
    code = "review_not_found"


class JobNotFound(NotFound):
    code = "job_not_found"


class EventNotFound(NotFound):
    code = "event_not_found"


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


class AdministratorsUnknown(AccessDenied):
    """The user may be the last administrator, and the caller lacks a privilege to see another. Nothing was changed.

    The message is Elasticsearch's, which names the privilege.
    """

    code = "administrators_unknown"

    def __init__(self, denial: str) -> None:
        super().__init__(
            f"it isn't known whether another active native or built-in user can manage users, and nothing was changed: {denial}"
        )


class Conflict(ServiceError):
    """409: another write was first."""

    code = "conflict"


class UserLocked(Conflict):
    """Another change of the same user is being made; nothing was written."""

    code = "user_locked"


class AdministratorsLocked(Conflict):
    """Another administrator is being deactivated, deleted, or changed; nothing was written."""

    code = "administrators_locked"


class UserExists(Conflict):
    code = "user_exists"


class UserOverwritten(Conflict):
    """The answer to a creation was `"created": false`: a user who was created outside usermgmt a moment before was overwritten."""

    code = "user_overwritten"


class PreconditionFailed(Conflict):
    """The user isn't what If-Match or If-None-Match requires; nothing was written."""

    code = "precondition_failed"


METADATA_KEY: Final = "metadata."


@dataclass(frozen=True)
class FieldConflict:
    """One field of a user that was changed in the meantime: the value that the form started from, and the current one."""

    name: str
    was: str
    now: str

    @property
    def label(self) -> str:
        if self.name.startswith(METADATA_KEY):
            return f"Metadata “{self.name.removeprefix(METADATA_KEY)}”"
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


class JobStateChanged(Conflict):
    """The bulk change isn't in the state that the page showed; nothing was written."""

    code = "job_state_changed"


class JobNotAuthentic(Conflict):
    """A document of a bulk change has no valid signature: it isn't carried out, and can only be viewed and discarded."""

    code = "job_not_authentic"


class StepRepeated(Conflict):
    """The audit trail has the intent of this change already: the step was carried out, or its process was killed."""

    code = "step_repeated"


class ReviewClosed(Conflict):
    """The review isn't open: its snapshot isn't ready, or it is canceled, signed off, or being signed off."""

    code = "review_closed"


class ReviewIncomplete(Conflict):
    """`pending` says how many items of the review have no decision."""

    code = "review_incomplete"

    def __init__(self, pending: int) -> None:
        super().__init__(f"{pending} items are pending")
        self.pending = pending


class DocumentDamaged(ServiceError):
    """The message names the document. Lists show the others."""

    code = "document_damaged"


class ReviewDamaged(DocumentDamaged):
    """`items`: the IDs of the damaged items of the review."""

    code = "review_damaged"

    def __init__(self, items: list[str]) -> None:
        super().__init__(f"{len(items)} damaged items, such as {items[0]}")
        self.items = items


class MetadataErased(ServiceError):
    """The user has no metadata now, although all else was saved: Elasticsearch refused the last of the calls that replace it."""

    code = "metadata_erased"


class LastAdministrator(ServiceError):
    """No other active native or built-in user has `manage_security`. Nothing was changed."""

    code = "last_administrator"


class Invalid(ServiceError):
    """400: the message is Elasticsearch's reason."""

    code = "invalid"


class SearchNotAllowed(Invalid):
    """The cluster has `search.allow_expensive_queries: false`: it rejects `wildcard`, `prefix`, and most `range` queries."""

    code = "search_not_allowed"


class FilterNotSearchable(SearchNotAllowed):
    """The query depends on what Elasticsearch can't search, and there are too many users to look at each."""

    code = "filter_not_searchable"


class TooManyKeys(SearchNotAllowed):
    """The query depends on what API keys can do, which Elasticsearch can't search, and there are too many to look at each."""

    code = "too_many_keys"


class SearchNeedsScripts(SearchNotAllowed):
    """The query needs a script, and the cluster runs none."""

    code = "search_needs_scripts"
    problem = "Elasticsearch finds the type of API keys with a script, and this cluster doesn't run it. Other filters still work."


class Refused(Invalid):
    """A rule of usermgmt; the message says which. Nothing was sent."""

    code = "refused"


class InvalidFilter(Refused):
    """A value of a filter can't be used, and without it, other users would match."""

    code = "invalid_filter"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class PasswordsNotDecrypted(Refused):
    """The passwords of a bulk change were encrypted with another SECRET_KEY. They are kept."""

    code = "passwords_not_decrypted"


class InvalidPassword(Refused):
    """`problems`: a sentence for each rule that the password breaks."""

    code = "invalid_password"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class Unavailable(ServiceError):
    """The cluster can't be reached, is too busy, or lacks the shards it needs. Nothing was changed."""

    code = "unavailable"


class Declined(Unavailable):
    """Elasticsearch itself answered that it doesn't process the call now, before it did anything."""

    code = "declined"


class Unreachable(Unavailable):
    """There was no connection, so the change never left usermgmt."""

    code = "unreachable"


class ClientDisconnected(Unavailable):
    code = "client_disconnected"


class TlsMismatch(Unavailable):
    """No HTTP request could be sent over this connection."""

    code = "tls_mismatch"

    def __init__(self, message: str, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


class AuditUnavailable(Unavailable):
    """The intent of a change couldn't be recorded. `why` is the type of Elasticsearch's error, or the code of ours."""

    code = "audit_unavailable"

    def __init__(self, why: str, reason: str, problem: str = "") -> None:
        super().__init__(f"{why}: {reason}")
        self.why = why
        self.problem = problem


class OutcomeUnknown(ServiceError):
    """No answer to a change, or one that proves nothing: 500 also comes after the change was made, 502 and 504 are of proxies."""

    code = "outcome_unknown"


class MetadataUnknown(OutcomeUnknown):
    """Replacing metadata takes several calls: the user has the new metadata, none, or the old one together with the new one."""

    code = "metadata_unknown"


class NotSetUp(ServiceError):
    """The API key of usermgmt is missing, revoked, or lacks privileges, or the cluster has another setting in the way."""

    code = "not_set_up"
    problem = f"The API key of usermgmt is missing, invalid, or lacks privileges. An administrator must run `{SETUP_CLUSTER}`."

    def __init__(self, message: str = "", problem: str = "") -> None:
        super().__init__(message or problem)
        if problem:
            self.problem = problem


class IndexNotFound(NotSetUp):
    """404 for an index, which is never an object that a user asked for."""

    code = "index_not_found_exception"  # as Elasticsearch has it, also in the items of `_bulk`
    problem = f"An index of usermgmt doesn't exist. An administrator must run `{SETUP_CLUSTER}`."


class UnsupportedCluster(NotSetUp):
    code = "unsupported_cluster"


class NativeRealmOff(NotSetUp):
    code = "native_realm_off"


class TemplateNotApplied(NotSetUp):
    code = "template_not_applied"


class WritesBlocked(NotSetUp):
    code = "cluster_block_exception"  # as Elasticsearch has it


class NoShardsLeft(NotSetUp):
    code = "no_shards_left"
    problem = (
        "Elasticsearch has as many shards as it allows, so no index can be created. An administrator must delete indices, add a "
        "node, or increase `cluster.max_shards_per_node`."
    )


class CredentialsLost(NotSetUp):
    """Elasticsearch took the request for one of the anonymous user, or of the certificate of usermgmt, and answered it."""

    code = "credentials_lost"
    problem = (
        "A proxy in front of Elasticsearch removes the credentials of usermgmt, so Elasticsearch takes its requests for anonymous "
        "ones. An administrator must check the proxy."
    )
