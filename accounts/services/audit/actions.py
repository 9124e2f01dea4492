"""What the audit trail records: actions, outcomes, reasons, and fields, each with its label for pages and files."""

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """The value is stored as `event.action` and never changes; the label is shown."""

    label: str

    def __new__(cls, value: str, label: str) -> "Action":
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    USER_CREATE = "user-create", "Create user"
    USER_UPDATE = "user-update", "Update user"
    USER_ENABLE = "user-enable", "Activate user"
    USER_DISABLE = "user-disable", "Deactivate user"
    USER_DELETE = "user-delete", "Delete user"
    PASSWORD_CHANGE = "password-change", "Change password"
    API_KEY_CREATE = "api-key-create", "Create API key"
    API_KEY_INVALIDATE = "api-key-invalidate", "Revoke API key"
    API_KEYS_INVALIDATE = "api-keys-invalidate", "Revoke all API keys"
    ROLE_MAPPING_DISABLE = "role-mapping-disable", "Disable role mapping"
    ROLE_MAPPING_DELETE = "role-mapping-delete", "Delete role mapping"
    SIGN_IN = "sign-in", "Sign in"
    SIGN_OUT = "sign-out", "Sign out"
    SIGN_IN_ALLOW = "sign-in-allow", "Allow sign-in"
    SESSION_EXPIRE = "session-expire", "Session expiry"
    SESSION_END = "session-end", "End session"
    ACCESS_DENIED = "access-denied", "Access denied"
    EXPORT = "export", "Export"
    COMMAND = "command", "Run command"
    EVENT_VERIFY = "event-verify", "Verify outcome"
    FINDING_RUN = "finding-run", "Run checks"
    JOB_START = "job-start", "Start bulk change"
    JOB_PAUSE = "job-pause", "Pause bulk change"
    JOB_RESUME = "job-resume", "Resume bulk change"
    JOB_RETRY = "job-retry", "Retry bulk change"
    JOB_FINISH = "job-finish", "Finish bulk change"
    JOB_DISCARD = "job-discard", "Discard bulk change"
    REVIEW_CREATE = "review-create", "Create access review"
    REVIEW_SNAPSHOT = "review-snapshot", "Create snapshot"
    REVIEW_DECIDE = "review-decide", "Record decision"
    REVIEW_CLOSE = "review-close", "Lock decisions"
    REVIEW_SIGN_OFF = "review-sign-off", "Sign off access review"
    REVIEW_CANCEL = "review-cancel", "Cancel access review"
    RECORDS_DELETE = "records-delete", "Delete old records"
    DOCUMENT_DISCARD = "document-discard", "Discard damaged document"


LABELS: Final = {action.value: action.label for action in Action}
# Changes of a user other than their password.
USER_CHANGES: Final = (Action.USER_CREATE, Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_DISABLE, Action.USER_DELETE)

OUTCOMES: Final = {"success": "Success", "failure": "Failure", "unknown": "Unknown", "": "In progress"}
FIELDS: Final = {
    "full_name": "full name",
    "email": "email address",
    "roles": "roles",
    "rules": "rules",
    "enabled": "status",
    "metadata": "metadata",
    "title": "title",
    "filter": "filter",
    "due": "due date",
    "reviewers": "reviewers",
    "rows": "rows",
    "total": "number counted",
    "sha256": "SHA-256",
    "state": "state",
    "sessions": "sessions",
}
DETAILS: Final = {
    "page": "Page",
    "typed": "Entered text (hash)",
    "name": "Name",
    "owner": "Owner",
    "key_id": "API key ID",
    "privilege": "Cluster privilege",
    "expiration": "Expires in",
    "stated_reason": "Reason",
    "event": "Event",
    "result": "Result",
    "verified_by": "Verified by",
    "verified_at": "Verified at",
    "sessions": "Sessions",
    "format": "Format",
    "filter": "Filter",
    "query": "Query string",
    "rows": "Rows",
    "users_before": "Users counted before",
    "users_after": "Users counted after",
    "sha256": "SHA-256",
    "run": "Run",
    "users": "Users",
    "keys": "API keys",
    "via": "Via",
    "api_key": "Signed in with API key",
    "run_as_by": "Acting as this user",
    "password": "Password",
    "compared_roles": "Roles compared with the previous run",
    "job": "Bulk change",
    "roles": "Roles",
    "restores": "Restores values before event",
    "success": "Successful",
    "failure": "Failed",
    "unknown": "Unknown",
    "skipped": "Skipped",
    "first": "From",
    "last": "To",
    "documents": "Documents",
    "retention_days": "Retention in days",
}
# `event.reason`: the codes of errors, and those of what isn't an error of a service.
REASONS: Final = {
    "service_error": "Error",
    "index_not_found_exception": "Index not found",
    "not_found": "Not found",
    "role_not_found": "Role not found",
    "role_mapping_not_found": "Role mapping not found",
    "api_key_not_found": "API key not found",
    "review_not_found": "Access review not found",
    "job_not_found": "Bulk change not found",
    "event_not_found": "Event not found",
    "authentication_failed": "Incorrect username or password",
    "rate_limited": "Too many failed attempts",
    "access_denied": "Denied by Elasticsearch",
    "license_expired": "License expired",
    "credentials_lost": "Credentials removed by a proxy",
    "conflict": "Changed at the same time",
    "administrators_unknown": "Not known whether an administrator would be left",
    "administrators_locked": "Another administrator was being changed",
    "user_locked": "Locked by another change",
    "user_exists": "User already exists",
    "user_overwritten": "Overwrote a user created at the same time",
    "precondition_failed": "Condition of the request not met",
    "edit_conflict": "Edit conflict",
    "decision_conflict": "Decision conflict",
    "job_state_changed": "Bulk change in another state",
    "passwords_not_decrypted": "Password encrypted with another SECRET_KEY",
    "job_not_authentic": "Bulk change without a valid signature",
    "step_repeated": "Already recorded in the audit trail. Check the user before you retry.",
    "document_damaged": "Damaged document",
    "review_damaged": "Damaged items in the access review",
    "review_closed": "Access review not open",
    "review_incomplete": "Decisions pending",
    "metadata_erased": "Metadata was removed and not written again",
    "metadata_unknown": "Metadata perhaps removed: not confirmed by Elasticsearch",
    "last_administrator": "No administrator would be left",
    "invalid": "Rejected by Elasticsearch",
    "refused": "Rejected by usermgmt",
    "invalid_password": "Rejected by the password policy",
    "search_not_allowed": "Not allowed by a setting of the cluster",
    "filter_not_searchable": "Too many users for this filter",
    "invalid_filter": "Invalid filter",
    "too_many_keys": "Too many API keys for this filter",
    "search_needs_scripts": "The cluster runs no scripts",
    "unavailable": "Elasticsearch unavailable",
    "declined": "Temporarily rejected by Elasticsearch",
    "unreachable": "Not sent: no connection to Elasticsearch",
    "client_disconnected": "Download interrupted",
    "audit_unavailable": "Audit trail unavailable",
    "outcome_unknown": "Not confirmed by Elasticsearch",
    "not_set_up": "usermgmt not set up",
    "tls_mismatch": "No trusted HTTPS connection",
    "unsupported_cluster": "Elasticsearch isn't supported",
    "native_realm_off": "Native realm turned off",
    "template_not_applied": "Index template not applied",
    "cluster_block_exception": "Elasticsearch is read-only",
    "no_shards_left": "No shards left",
    "internal_error": "Internal error",
    "username_with_colon": "Username contains a colon",
    "incorrect_api_key": "Incorrect API key",
    "invalid_form_token": "Invalid form token",
    "session_limit": "Session limit reached",
    "damaged_event": "Damaged: a field is missing or invalid",
}


def action_label(action: str) -> str:
    """The label of a stored action; one that this version doesn't know is shown as it is stored."""
    return LABELS.get(action, action)


def reason_label(reason: str) -> str:
    """The label of a stored reason; a reason in plain text is shown as it is."""
    return REASONS.get(reason, reason)
