"""Every check: its title, why it matters, what to do, and its limitations."""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["action", "confirmation"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of finding. `noun`: what is counted. `roles`: the heading of the column with roles.

    `is_comparison`: what is found are differences to the previous run. `added_in`: the version that added the check, if runs of
    earlier ones don't have it.
    """

    slug: str
    title: str
    severity: Severity
    why: str
    remediation: str
    limitations: str
    noun: str = "user"
    roles: str = ""
    is_comparison: bool = False
    added_in: str = ""

    @property
    def heading(self) -> str:
        """Of the column that says what a row is about."""
        return HEADINGS.get(self.noun, "User Name")


HEADINGS: Final = {"role": "Role", "role mapping": "Role mapping", "token": "Service account"}
MAPPING_FILES: Final = "Role mappings in files on the nodes, and disabled ones."

CATALOGUE: Final = (
    Finding(
        "escalation",
        "Users who can become administrators",
        "action",
        "Their roles don't include manage_security, but privileges with which they can create an administrator, become one, "
        "or act as one.",
        "Remove the privilege in the details from the role, or the role from the user. If they should be administrators, "
        "assign a role with manage_security.",
        "Users from other realms and API keys.",
        roles="Granted by",
    ),
    Finding(
        "orphaned-keys",
        "Orphaned API keys",
        "action",
        "API keys keep working after their owner is deactivated or deleted, with the privileges the owner had when the "
        "key was created. The user list doesn't show them.",
        "Find out who uses the key, replace it with a key of an active user, then revoke it. Don't reactivate the owner.",
        "Keys of users from other realms, because Elasticsearch can't tell whether those users still exist. Keys of an "
        "owner who was deleted and created again with the same username.",
        noun="API key",
    ),
    Finding(
        "powerful-keys",
        "API keys of administrators that never expire",
        "action",
        "Every application or user that has such a key is an administrator, until it is revoked. The key keeps the privileges that "
        "its owner had when it was created, even if the owner has fewer now.",
        "Replace it with a key that expires and has only the privileges that its application needs, then revoke it.",
        "Keys with run_as, and keys for remote clusters: they are among the other API keys of administrators.",
        noun="API key",
    ),
    Finding(
        "excessive-keys",
        "API keys with more privileges than their owner",
        "action",
        "A key keeps the privileges that its owner had when it was created or last updated. The owner has lost some of them since, "
        "but the key hasn't.",
        "Revoke the key, after replacing it with one that the owner creates now.",
        "Keys of users from other realms, or with a role that Elasticsearch doesn't list and that may be defined in a file "
        "(roles.yml). Privileges are compared by name: one that the owner now has under another name, such as "
        "an action that a cluster privilege includes, or a sub-feature of Kibana that a feature includes, is listed. Deactivated "
        "and deleted owners are listed as orphaned API keys.",
        noun="API key",
    ),
    Finding(
        "keys-of-missing-realms",
        "API keys of realms that don't exist",
        "action",
        "The realm of their owners isn't in the settings of any node, so the owners can't sign in anymore, but their keys keep "
        "working.",
        "Find out who uses the key, replace it with a key of a user who can sign in, then revoke it.",
        "Realms that are turned off, or that the license doesn't include. Nodes that don't respond. Reading the realms requires "
        "the cluster privilege monitor; without it, the finding lists the realms in question.",
        noun="API key",
    ),
    Finding(
        "anonymous-changes",
        "Anonymous access beyond read privileges",
        "action",
        "Anyone who can reach Elasticsearch has these privileges without a password, and so does every user, whatever their own "
        "roles are. They allow more than reading.",
        "Remove the roles from xpack.security.authc.anonymous.roles in elasticsearch.yml on each node, or remove privileges from "
        "the roles.",
        "Nodes with different settings: one node is checked. Privileges that usermgmt doesn't know count as more than reading.",
        noun="anonymous user",
        roles="Roles",
    ),
    Finding(
        "unknown-roles",
        "Users with nonexistent roles",
        "action",
        "Elasticsearch accepts any role name. Unless it is defined in a file (roles.yml), the role grants nothing now, but if it "
        "is created later, these users immediately get its privileges.",
        "Look for the role in roles.yml on each node. If no node has it, remove the role from the users, or create the intended "
        "role.",
        "Roles in files, which Elasticsearch doesn't list: they are found, too, although they grant privileges. Roles that other "
        "realms assign. Role mappings have a finding of their own.",
        roles="Nonexistent roles",
    ),
    Finding(
        "mapping-everyone",
        "Role mappings that make everyone an administrator",
        "action",
        "Everyone who can sign in through these realms is an administrator or can become one, including users who are added to "
        "the realms later.",
        "Limit the rule to a group or to the users who are meant, or remove the role from the role mapping.",
        f"{MAPPING_FILES} Whether the realms exist, and which users they have. Rules that depend on groups or metadata, which may "
        "include everyone: they require confirmation.",
        noun="role mapping",
        roles="Granted by",
    ),
    Finding(
        "mapping-unknown-roles",
        "Role mappings with nonexistent roles",
        "action",
        "Unless it is defined in a file (roles.yml), the role grants nothing now, but if it is created later, all users of the "
        "role mapping immediately get its privileges.",
        "Look for the role in roles.yml on each node. If no node has it, remove the role from the role mapping, or create the "
        "intended role.",
        f"{MAPPING_FILES} Roles in files, which Elasticsearch doesn't list. Role templates, whose roles are decided at sign-in.",
        noun="role mapping",
        roles="Nonexistent roles",
    ),
    Finding(
        "deprecated",
        "Deprecated roles and users",
        "action",
        "Elasticsearch will remove them in a later version. Users and applications that depend on them will lose access.",
        "Assign the role that the deprecation message recommends. Deactivate a deprecated user when nothing uses it anymore.",
        "Whether an application still depends on them.",
        roles="Deprecated roles",
    ),
    Finding(
        "past-end-date",
        "Active users past their end date",
        "action",
        "The users were meant to be active until this day. They can still sign in.",
        "Deactivate them, or set a later end date. The command deactivate_expired does it every day with a timer.",
        "Users without an end date. Built-in users and users from other realms can't have one.",
    ),
    Finding(
        "unreadable-end-dates",
        "End dates that can't be read",
        "action",
        "The metadata active_until isn't a date such as 2026-12-31. The user is never deactivated because of it.",
        "Correct or remove the metadata on the page of the user.",
        "Deactivated users.",
    ),
    Finding(
        "unseen",
        "Users inactive for 90 days, or without a recorded sign-in",
        "action",
        "Unused accounts are rarely monitored and often belong to people who have left.",
        "Ask the user or their manager. Deactivate accounts that are no longer needed.",
        "Only sign-ins to usermgmt and Kibana are known, not applications that use a password. Sign-ins before the audit "
        "trail starts are unknown. Built-in users are not checked.",
    ),
    Finding(
        "no-email",
        "Administrators without an email address",
        "action",
        "Administrators must be identifiable and reachable in an incident.",
        "Add an email address. For application accounts, use the address of the owning team.",
        "Whether an address is valid. Built-in users can't have one and are not checked.",
        roles="Granted by",
    ),
    Finding(
        "shared-email",
        "Users with the same email address",
        "action",
        "Either one person has several accounts, and one is easily forgotten, or an address is wrong.",
        "Keep one account per person. Deactivate the others, or correct the address.",
        "People with several addresses. Upper and lower case are treated as equal.",
    ),
    Finding(
        "similar-names",
        "Usernames that differ only in case",
        "action",
        "Usernames are case-sensitive: Anna and anna are two users. Roles can be assigned to the wrong one, and log "
        "entries can be misread.",
        "Keep one account and delete the other after its owner has switched.",
        "Names that look alike in other ways.",
    ),
    Finding(
        "unknown-outcomes",
        "Changes with unknown outcome",
        "action",
        "The audit trail has the intent of the change but not its outcome, because a response was lost or the server stopped.",
        "Open the event and verify the outcome.",
        "Changes made outside usermgmt. Only the latest 200 are shown.",
        noun="change",
    ),
    Finding(
        "managers",
        "Administrators",
        "confirmation",
        "They can grant any privilege to any user, including themselves. There should be few, and each should be known by name.",
        "Confirm each one. Remove the role from users who don't need it.",
        "Users from other realms, and API keys.",
        roles="Granted by",
    ),
    Finding(
        "possible-escalation",
        "Users who may be able to become administrators",
        "confirmation",
        "Their roles include privileges with which users can become administrators in some clusters. It depends on realms, "
        "snapshots, or other users, which a role doesn't show. Or they have a role that Elasticsearch doesn't list, which may be "
        "defined in a file (roles.yml).",
        "Confirm that they need the privilege in the details. Remove it where they don't.",
        "Users from other realms, API keys, and built-in users.",
        roles="Granted by",
    ),
    Finding(
        "changed-roles",
        "Roles that grant more than in the previous run",
        "confirmation",
        "All users with the role got these privileges at once, including users from other realms, without any change to the users "
        "themselves.",
        "Confirm each role with the administrators. Remove the privilege from the role if it isn't needed.",
        "The first run that stores the roles has none to compare with. Changes that were undone before this run, who made them, "
        "and new roles that don't make administrators. Some privileges are listed although an earlier pattern included them.",
        noun="role",
        roles="Role",
        is_comparison=True,
    ),
    Finding(
        "mapping-administrators",
        "Role mappings that make administrators",
        "confirmation",
        "Users of external realms get these roles when they sign in. They aren't in the user list, so reviewing the list doesn't "
        "show that they are administrators.",
        "Confirm that the rule matches administrators only. Otherwise limit the rule, or remove the role from the role mapping.",
        f"{MAPPING_FILES} Which users match the rule. Role mappings of which it isn't known whether they make administrators are "
        "included, such as those with role templates.",
        noun="role mapping",
        roles="Granted by",
    ),
    Finding(
        "administrator-keys",
        "Other API keys of administrators",
        "confirmation",
        "Every application or user that has such a key is an administrator, or may be able to become one. The key expires, or it "
        "depends on the cluster or on other users whether its privileges are enough.",
        "Confirm that its application needs these privileges. Otherwise replace the key with one that has fewer, then revoke it.",
        "Keys of administrators that never expire have a finding of their own. Whom the run_as of a key reaches.",
        noun="API key",
        added_in="0.2.0",
    ),
    Finding(
        "ending",
        "Users whose end date is within 14 days",
        "confirmation",
        "After this day, deactivate_expired or an administrator deactivates them. Applications with their credentials fail then.",
        "Confirm that they leave. Otherwise set a later end date.",
        "Users without an end date. API keys of the user keep working after the deactivation.",
    ),
    Finding(
        "old-passwords",
        "Old passwords",
        "confirmation",
        "The longer a password is in use, the more people and programs may know it, and a leak of it may have gone unnoticed.",
        "Ask the user to change it, or set a new one. For passwords that applications use, consider API keys that expire.",
        "A password is old after the number of days in the setting OLD_PASSWORD_DAYS; the user list has a filter for any number. "
        "Only changes made with usermgmt are known. Passwords that have no recorded change are listed as passwords of unknown age. "
        "Built-in and deactivated users are not checked.",
    ),
    Finding(
        "unknown-passwords",
        "Passwords of unknown age",
        "confirmation",
        "The audit trail records neither a password change nor the creation of the user. The password may be new or many years "
        "old.",
        "Set a new password with usermgmt where the age matters, for example for administrators.",
        "Passwords that were set outside usermgmt or before the audit trail starts have no recorded change. Built-in and "
        "deactivated users are not checked.",
    ),
    Finding(
        "lasting-keys",
        "API keys without expiration",
        "confirmation",
        "They work until they are revoked, even when their use is no longer known.",
        "Confirm that the key is in use. Replace it with a key that expires.",
        "Whether anything uses a key. Elasticsearch doesn't record that.",
        noun="API key",
    ),
    Finding(
        "old-keys",
        "API keys older than a year",
        "confirmation",
        "The longer a key exists, the more people and systems have seen its secret.",
        "Confirm that the key is in use. Replace it with a new one, then revoke it.",
        "Whether anything uses a key. Elasticsearch doesn't record that.",
        noun="API key",
    ),
    Finding(
        "anonymous-access",
        "Anonymous access",
        "confirmation",
        "Anyone who can reach Elasticsearch can read with these roles without a password, and so can every user, whatever their "
        "own roles are.",
        "Confirm that everything these roles can read is public. Otherwise remove them from xpack.security.authc.anonymous.roles "
        "in elasticsearch.yml on each node.",
        "Nodes with different settings: one node is checked.",
        noun="result",
        roles="Roles",
    ),
    Finding(
        "service-tokens",
        "Tokens of service accounts",
        "confirmation",
        "Every application or user that has a token has all privileges of the service account. Tokens don't expire, belong to no "
        "user, and stay when the administrator who created them leaves.",
        "Confirm that you know where each token is used. Otherwise revoke it: DELETE /_security/service/…/credential/token/… for a "
        "token in the index, bin/elasticsearch-service-tokens delete for a token in a file, on each of its nodes.",
        "When a token was created, by whom, and whether it is used: Elasticsearch has no information about this. File tokens with "
        "the same name on several nodes count as one.",
        noun="token",
    ),
    Finding(
        "built-in",
        "Active built-in users",
        "confirmation",
        "They exist in every cluster, so their names are well known, and they belong to no individual.",
        "Deactivate those that nothing uses. Keep the password of elastic for emergencies only.",
        "Whether an application uses them.",
    ),
)
BY_SLUG: Final = {finding.slug: finding for finding in CATALOGUE}
