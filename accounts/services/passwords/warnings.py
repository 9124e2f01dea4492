"""What signs in as each of the built-in service users, and loses its connection when their password changes."""

from dataclasses import dataclass
from typing import Final

from accounts.services.users import User


@dataclass(frozen=True)
class ServiceWarning:
    """What stops working, and what brings it back."""

    service: str
    text: str

    @property
    def title(self) -> str:
        """Kibana's words."""
        return f"{self.service} will lose connection to Elasticsearch"

    @property
    def understood(self) -> str:
        """What the person says before the password is changed."""
        return f"I understand that {self.service} loses its connection until it has the new password"


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
        "Its monitoring data stop until you update monitoring.elasticsearch.password in apm-server.yml and restart it.",
    ),
    "beats_system": ServiceWarning(
        "Beats",
        "Their monitoring data stop until you update monitoring.elasticsearch.password in the configuration of every Beat "
        "that signs in as beats_system, and restart it.",
    ),
    "logstash_system": ServiceWarning(
        "Logstash",
        "Its monitoring data stop until you update xpack.monitoring.elasticsearch.password in every logstash.yml and restart it.",
    ),
    "remote_monitoring_user": ServiceWarning(
        "Metricbeat",
        "The monitoring of the cluster stops until you update password in the modules of every Metricbeat that signs in as "
        "remote_monitoring_user (modules.d/elasticsearch-xpack.yml, for instance), and restart it.",
    ),
}


def warning(user: User) -> ServiceWarning | None:
    """What to know before this user's password changes; None for people's accounts."""
    return WARNINGS.get(user.username) if user.is_reserved else None
