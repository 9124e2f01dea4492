"""The services that sign in as built-in users, and lose their connection when these are deactivated or get another password."""

from dataclasses import dataclass
from typing import Final

from accounts.services.users import User


@dataclass(frozen=True)
class ServiceWarning:
    """`steps`: what to do after a password change; `until_then`: what else fails as long as the service is disconnected."""

    service: str
    steps: str
    until_then: str = ""

    @property
    def title(self) -> str:
        return f"{self.service} will lose connection to Elasticsearch"

    @property
    def text(self) -> str:
        return f"{self.steps} {self.until_then}".strip()

    @property
    def of_deactivation(self) -> str:
        return f"{self.service} stays disconnected until you activate this user again. {self.until_then}".strip()

    @property
    def understood(self) -> str:
        return f"I understand that {self.service} stays disconnected until it is configured with the new password"


NO_MONITORING: Final = "No monitoring data is collected until then."
KIBANA: Final = ServiceWarning(
    "Kibana",
    "After the change, update elasticsearch.password in Kibana's configuration (kibana.yml, or its keystore) and restart Kibana.",
)
# From Elastic's description of the built-in users, and of the settings that name them.
WARNINGS: Final = {
    "kibana": KIBANA,
    "kibana_system": KIBANA,
    "apm_system": ServiceWarning(
        "APM Server",
        "After the change, update monitoring.elasticsearch.password in apm-server.yml and restart APM Server.",
        NO_MONITORING,
    ),
    "beats_system": ServiceWarning(
        "Beats",
        "After the change, update monitoring.elasticsearch.password in the configuration of every Beat that signs in as "
        "beats_system, and restart Beats.",
        NO_MONITORING,
    ),
    "logstash_system": ServiceWarning(
        "Logstash",
        "After the change, update xpack.monitoring.elasticsearch.password in every logstash.yml and restart Logstash.",
        NO_MONITORING,
    ),
    "remote_monitoring_user": ServiceWarning(
        "Metricbeat",
        "After the change, update password in the module configuration of every Metricbeat that uses remote_monitoring_user "
        "(for example modules.d/elasticsearch-xpack.yml) and restart it.",
        "Cluster monitoring stops until then.",
    ),
}


def warning(user: User) -> ServiceWarning | None:
    """What stops working when this user is deactivated or its password changes; None for all but built-in service users."""
    return warning_by_name(user.username) if user.is_reserved else None


def warning_by_name(username: str) -> ServiceWarning | None:
    """The same for a user of this name who may be built in: where the reserved realm is off, services use a native one."""
    return WARNINGS.get(username)
