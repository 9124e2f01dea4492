"""The sample users and roles: realistic ones, and edge cases for the user interface."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class SampleUser:
    """A sample user, as at the end of the story."""

    username: str
    full_name: str | None = None
    email: str | None = None
    roles: tuple[str, ...] = ()
    enabled: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)


def _colleague(full_name: str, *roles: str, at: str = "example.org", **more: Any) -> SampleUser:
    """A user whose username and email are derived from the full name."""
    username = ".".join(full_name.lower().translate(_PLAIN).split())
    return SampleUser(username, full_name, f"{username}@{at}", roles, **more)


def _in_days(number: int) -> str:
    return (datetime.now(UTC) + timedelta(days=number)).date().isoformat()


# Usernames are ASCII.
_PLAIN = str.maketrans("áãåçèéëíïłñóöøśšúüýž", "aaaceeeiilnooossuuyz", "'")

ROLES: dict[str, dict[str, Any]] = {
    "user_admin": {
        "description": "Manages users, roles and API keys",
        "cluster": ["manage_security"],
    },
    "sales_reader": {
        "description": "Reads the sales figures of all regions",
        "indices": [{"names": ["sales-*"], "privileges": ["read", "view_index_metadata"]}],
    },
    "logs_writer": {
        "description": "Ships logs: creates and writes the logs-* indices, reads nothing",
        "indices": [{"names": ["logs-*"], "privileges": ["create_index", "create_doc", "auto_configure"]}],
    },
    "hr_analyst": {
        "description": "Reads personnel statistics, without salaries",
        "indices": [{"names": ["personnel-*"], "privileges": ["read", "view_index_metadata"]}],
    },
    "on_call": {
        "description": "Watches the cluster and reads its logs, around the clock",
        "cluster": ["monitor", "read_ilm"],
        "indices": [{"names": ["logs-*", "metrics-*"], "privileges": ["read", "monitor"]}],
    },
    "integrator": {
        "description": "Connects applications: creates API keys of their own",
        "cluster": ["manage_own_api_key"],
    },
    "password_desk": {
        "description": "Sets new passwords for people who forgot theirs",
        "cluster": ["cluster:admin/xpack/security/user/change_password"],
    },
    "cluster_operator": {
        "description": "Manages the cluster, its indices and snapshots, but no users",
        "cluster": ["manage"],
    },
    "orders_service": {
        "description": "The web shop's own account: reads and writes orders",
        "indices": [{"names": ["orders"], "privileges": ["read", "write"]}],
    },
}

# Without external realms, they apply to nobody.
ROLE_MAPPINGS: dict[str, dict[str, Any]] = {
    "administrators": {
        "roles": ["superuser"],
        "rules": {"field": {"groups": "cn=elastic-admins,ou=groups,dc=example,dc=org"}},
    },
    "contractors": {
        "roles": ["password_desk", "contractor_portal"],
        "rules": {"all": [{"field": {"realm.name": "saml1"}}, {"except": {"field": {"username": "it-helpdesk"}}}]},
        "metadata": {"owner": "IT Help Desk"},
    },
}

ADMINISTRATOR = SampleUser("admin", "Ada Admin", "admin@example.org", ("user_admin",))
# The second administrator: changes in the audit trail are not all by one user.
COLLEAGUE = _colleague("Nadia Benali", "user_admin")
AUDITOR = SampleUser("auditor", "Otis Auditor", "auditor@example.org", ("usermgmt_auditor",))

COLLEAGUES = (
    _colleague("Amara Okafor"),
    _colleague(
        "Jonas Weber", "viewer", "sales_reader", metadata={"department": "Sales", "employee": 1017, "active_until": _in_days(-3)}
    ),
    _colleague("Priya Raghunathan", "editor", "sales_reader", metadata={"department": "Sales", "employee": 1018}),
    _colleague("Mateus Gonçalves", "viewer", "sales_reader"),
    _colleague("Sofía Núñez", "sales_reader"),
    _colleague("Łukasz Wiśniewski", "logs_writer", "monitoring_user"),
    _colleague("Zoë van der Berg", "kibana_admin"),
    _colleague("Hiroshi Tanaka", "machine_learning_user", "viewer"),
    _colleague("Nguyen Thi Mai", "machine_learning_admin", "editor"),
    _colleague("Fatima al-Zahra", "hr_analyst", metadata={"department": "People", "employee": 1031}),
    _colleague(
        "Oluwaseun Adeyemi", "on_call", "monitoring_user", metadata={"phone": "+44 20 7946 0018", "active_until": _in_days(9)}
    ),
    _colleague("Ingrid Sørensen", "on_call", "monitoring_user"),
    _colleague("Björn Åkesson", "on_call", "snapshot_user", enabled=False),
    _colleague("Chloé Lefèvre", "editor", at="example.com"),
    _colleague("Giulia Rossi", "viewer", at="example.com"),
    _colleague("Wei Zhang", "viewer", "transform_user", at="example.com"),
    _colleague("Aaliyah Johnson", "viewer"),
    _colleague("Dmitri Volkov", "ingest_admin", "logs_writer"),
    _colleague("Leila Haddad", "editor", "kibana_admin"),
    _colleague("Tomáš Novák", "beats_admin", "remote_monitoring_collector"),
    _colleague("Kwame Mensah", "sales_reader", "integrator", enabled=False, metadata={"left": "2026-03-31"}),
    _colleague("Siobhán Kelly", "hr_analyst", "viewer"),
    _colleague("Rafael Ortiz", "viewer", "watcher_user"),
    _colleague("Yuki Sato", "watcher_admin", "monitoring_user"),
    _colleague("Noah Cohen", "enrich_user", "viewer"),
    _colleague("Anjali Deshpande", "transform_admin", "editor"),
    _colleague("Mehmet Yilmaz", "viewer", "integrator", enabled=False),
    # Users with notable roles.
    _colleague("Grace Mbeki", "kibana_user"),  # deprecated
    _colleague("Peter Lindqvist", "viewer", "data_warehouse_reader"),  # does not exist
    _colleague("Clara Hoffmann", "superuser"),
    _colleague("Elena Popescu", "viewer", "editor", "kibana_admin", "monitoring_user", "machine_learning_user", "sales_reader"),
)

OTHERS = (
    # Services, mostly without full name and email.
    SampleUser("shop-backend", roles=("orders_service",), metadata={"owner": "web team"}),
    SampleUser("log-shipper-eu", roles=("logs_writer", "integrator")),
    SampleUser("ci-bot", "Continuous integration", None, ("viewer",), enabled=False),
    # Findings: ways to become an administrator.
    SampleUser("service-desk", "Service desk", "service-desk@example.org", ("password_desk",)),
    SampleUser("operations", "Operations", "operations@example.org", ("cluster_operator", "monitoring_user")),
    # Findings: an administrator without email, an email of two users, usernames that differ only in case.
    SampleUser("it-helpdesk", "IT help desk", None, ("user_admin", "integrator")),
    SampleUser("jane.doe", "Jane Doe", "jane.doe@example.org", ("viewer",)),
    SampleUser("Wei.Zhang", "Wei Zhang", "wei.zhang@example.org", ("viewer",)),
    # Valid usernames that are hard to display or to put into a URL.
    SampleUser("a/b", "Slash Between", "a.b@example.org", ("viewer",)),
    SampleUser("o'brien", "Conor O'Brien", "conor.obrien@example.org", ("viewer", "sales_reader")),
    SampleUser("name with space", "Name With Space", None, ("viewer",)),
    SampleUser("x,y", "Comma Between", None, ("viewer",)),
    SampleUser("jane.doe@example.org", "Jane Doe", "jane.doe@example.org", ("editor",)),
    SampleUser("<b>bold</b>", "<i>Markup</i> & Co", None, ("viewer",), enabled=False),
    SampleUser(
        "nightly-export-of-the-sales-figures-of-all-regions-to-the-data-warehouse-of-the-holding-company-in-rotterdam",
        "A name that is longer than any column of any table and still has to be readable somewhere",
        "nightly-export-of-the-sales-figures-of-all-regions@example.com",
        ("sales_reader", "monitoring_user"),
    ),
)
SAMPLE_USERS = COLLEAGUES + OTHERS

# Deleted during the story.
LEAVERS = (
    _colleague("Viktor Hansen", "ingest_admin", "integrator"),
    _colleague("Sandra Keller", "viewer", "sales_reader"),
)
# Users that are created with these values and corrected later.
MISTAKES: dict[str, dict[str, Any]] = {
    "ingrid.sorensen": {"full_name": "Ingrid Sorenson"},
    "rafael.ortiz": {"roles": ("viewer", "wacher_user")},
    "hiroshi.tanaka": {"roles": ("viewer",)},
    "giulia.rossi": {"email": "giulia.rosi@example.com"},
    "log-shipper-eu": {"roles": ("logs_writer", "integrator", "on_call")},  # its API keys keep that
}
