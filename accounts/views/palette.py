"""Pages and actions of the global search, and the privileges that they need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from django.urls import reverse

from accounts.services.search.ranking import Fit, fit
from accounts.services.signin.operators import Operator

# A property of the operator; "": every signed-in user.
Need = Literal["", "can_read", "can_manage", "can_change_own_password"]


@dataclass(frozen=True)
class Page:
    """A page, or an action that starts with one, and its search keywords."""

    title: str
    url_name: str
    icon: str
    needs: Need = ""
    query: str = ""
    description: str = ""
    keywords: str = ""
    is_action: bool = False
    is_suggested: bool = True  # for an empty search

    @property
    def url(self) -> str:
        return reverse(self.url_name) + self.query


def _list(title: str, query: str, keywords: str) -> Page:
    """A filtered user list; not suggested for an empty search."""
    return Page(title, "users", "funnel", "can_read", query, keywords=f"audit review filter {keywords}", is_suggested=False)


def _trail(title: str, query: str, keywords: str) -> Page:
    """A filtered audit trail; not suggested for an empty search."""
    icon = "clipboard-document-list"
    return Page(title, "audit", icon, "can_read", query, keywords=f"audit trail log {keywords}", is_suggested=False)


PAGES: Final = (
    Page("Users", "users", "users", "can_read", keywords="people accounts list native logins audit review"),
    Page("Roles", "roles", "shield-check", "can_read", keywords="privileges permissions rights groups audit review"),
    Page(
        "Who can…?",
        "who_can",
        "question-mark-circle",
        "can_read",
        description="Users with a cluster privilege, and the roles that grant it",
        keywords="privileges permissions rights access audit review",
    ),
    Page(
        "Access",
        "access",
        "key",
        "can_read",
        description="Users, API keys, role mappings, service accounts, anonymous access, and realms",
        keywords="who can get in doors sign in overview audit review anonymous realms ldap saml",
    ),
    Page(
        "API keys",
        "api_keys",
        "key",
        "can_read",
        description="Of all users and realms, what they can do, and when they expire",
        keywords="tokens credentials secrets cross-cluster revoke invalidate expiration access audit review",
        is_suggested=False,
    ),
    Page(
        "Service accounts",
        "service_accounts",
        "key",
        "can_read",
        description="Their tokens and privileges",
        keywords="tokens fleet kibana enterprise search credentials file audit review",
        is_suggested=False,
    ),
    Page(
        "Role mappings",
        "role_mappings",
        "arrows-right-left",
        "can_read",
        description="Which users of external realms get which roles",
        keywords="ldap saml active directory pki oidc jwt kerberos realms groups rules access audit review",
        is_suggested=False,
    ),
    Page(
        "Findings",
        "findings",
        "document-magnifying-glass",
        "can_read",
        description="Orphaned API keys, inactive users, nonexistent roles, and more",
        keywords="audit review report orphaned api keys inactive unused stale duplicate email administrators superuser leftovers",
    ),
    Page(
        "Bulk changes",
        "jobs",
        "queue-list",
        "can_read",
        description="Changes of many users at once, and what became of them",
        keywords="mass batch activate deactivate roles progress pause resume retry jobs",
        is_suggested=False,
    ),
    Page(
        "Compare",
        "compare",
        "arrows-right-left",
        "can_read",
        description="Users added, removed, or changed, and by whom",
        keywords="audit review difference diff changes history since before after exports trail",
        is_suggested=False,
    ),
    Page(
        "Access reviews",
        "reviews",
        "clipboard-document-check",
        "can_read",
        keywords="audit recertification attestation sign-off report",
        is_suggested=False,
    ),
    Page(
        "Audit trail",
        "audit",
        "clipboard-document-list",
        "can_read",
        description="Changes, sign-ins, and denied requests",
        keywords="audit log history events changes who when record review",
    ),
    Page("Sessions", "sessions", "computer-desktop", "can_manage", keywords="logged in online active devices end"),
    Page("My account", "account", "user-circle", keywords="profile me own roles privileges whoami"),
    Page(
        "My sessions",
        "account_sessions",
        "computer-desktop",
        keywords="logged in devices browsers end own",
        is_suggested=False,
    ),
    Page("My API keys", "account_api_keys", "key", keywords="own tokens credentials revoke invalidate", is_suggested=False),
    _list("Deactivated users", "?status=deactivated", "disabled inactive locked blocked off"),
    _list("Reserved users", "?kind=reserved", "built-in builtin system elastic kibana"),
    _list(
        "Users who can become administrators", "?flag=administrator", "administrator superuser admin manage escalation privilege"
    ),
    _list("Users without roles", "?flag=no-roles", "no roles none empty"),
    _list("Users with nonexistent roles", "?flag=unknown-roles", "unknown missing"),
    _list("Users without an email address", "?flag=no-email", "no e-mail none missing"),
    _trail("Failed sign-ins", "?action=sign-in&outcome=failure", "refused wrong login"),
    _trail("Changes with unknown outcome", "?outcome=unknown", "unknown resolve"),
    Page(
        "Export users",
        "user_export",
        "arrow-down-tray",
        "can_read",
        description="All matching users as CSV, NDJSON, or XLSX, with a completeness manifest",
        keywords="download csv excel xlsx ndjson json spreadsheet report audit review",
        is_action=True,
    ),
    Page("Create user", "user_create", "plus", "can_manage", keywords="new add invite person account", is_action=True),
    Page(
        "Start an access review",
        "review_create",
        "clipboard-document-check",
        "can_read",
        keywords="new audit recertification attestation api keys role mappings",
        is_action=True,
        is_suggested=False,
    ),
    Page(
        "Change my password",
        "account_change_password",
        "key",
        "can_change_own_password",
        keywords="reset set new own credentials secret login",
        is_action=True,
    ),
)


def find(operator: Operator, words: Sequence[str]) -> list[tuple[Fit, Page]]:
    """The matching pages that the operator can open, best first; the suggested ones for an empty search."""
    offered = [page for page in PAGES if not page.needs or getattr(operator, page.needs)]
    if not words:
        return [(Fit.PARTS, page) for page in offered if page.is_suggested]
    fits = [(fit(words, page.title, page.keywords), page) for page in offered]
    return sorted(((how, page) for how, page in fits if how is not None), key=lambda found: found[0])
