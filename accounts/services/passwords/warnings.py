"""The services that sign in as built-in users, and lose their connection when those passwords change."""

from dataclasses import dataclass
from typing import Final

from accounts.services.users import User


@dataclass(frozen=True)
class ServiceWarning:
    service: str
    text: str

    @property
    def title(self) -> str:
        return f"{self.service} will lose connection to Elasticsearch"

    @property
    def understood(self) -> str:
        return f"I understand that {self.service} stays disconnected until it is configured with the new password"


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
        "After the change, update monitoring.elasticsearch.password in apm-server.yml and restart APM Server. No monitoring "
        "data is collected until then.",
    ),
    "beats_system": ServiceWarning(
        "Beats",
        "After the change, update monitoring.elasticsearch.password in the configuration of every Beat that signs in as "
        "beats_system, and restart Beats. No monitoring data is collected until then.",
    ),
    "logstash_system": ServiceWarning(
        "Logstash",
        "After the change, update xpack.monitoring.elasticsearch.password in every logstash.yml and restart Logstash. No "
        "monitoring data is collected until then.",
    ),
    "remote_monitoring_user": ServiceWarning(
        "Metricbeat",
        "After the change, update password in the module configuration of every Metricbeat that uses remote_monitoring_user "
        "(for example modules.d/elasticsearch-xpack.yml) and restart it. Cluster monitoring stops until then.",
    ),
}


def warning(user: User) -> ServiceWarning | None:
    """What stops working when the password of this user changes; None for all but built-in service users."""
    return WARNINGS.get(user.username) if user.is_reserved else None
