"""The machine and the versions of a run."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from local_cluster import Cluster

CPU_INFO = Path("/proc/cpuinfo")


def machine(cluster: Cluster, postgres: str) -> dict[str, str]:
    """Rows for the report, without anything that identifies the machine or its owner. `postgres`: its version, or ""."""
    node = next(iter(cluster.client().nodes.info(metric="jvm")["nodes"].values()))
    return {
        "Machine": f"{os.cpu_count()} x {_processor()}, {_memory()} GB, {platform.system()} {platform.machine()}",
        "Elasticsearch": f"{cluster.version}, heap {cluster.heap}, Java {node['jvm']['version']} {' '.join(cluster.java_flags)}",
        "Python": platform.python_version(),
        "Django, gunicorn, elasticsearch-py": ", ".join(version(name) for name in ("django", "gunicorn", "elasticsearch")),
        "PostgreSQL": postgres or "skipped",
        "Roles": str(len(cluster.client().security.get_role().body)),
    }


def _processor() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "CPU")


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
