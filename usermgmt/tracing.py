"""Whether this process records traces. Only the environment variables of OpenTelemetry decide, and its packages are optional.

usermgmt imports nothing of OpenTelemetry while traces are off.
"""

import logging
import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from usermgmt.spans import Recorder

logger = logging.getLogger(__name__)

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HEADERS: Final = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
ENDPOINT: Final = re.compile(r"https?://[^@\s]+")
HEADER: Final = re.compile(r"""\s*[\w!#$%&'*+.^`|~-]+\s*=([^"\\;]*)""", re.ASCII)

# What records the requests of this process; None while traces are off.
recorder: "Recorder | None" = None


def start() -> None:
    """Record the requests of this process from now on, if the environment asks for that. The process must not fork afterwards."""
    global recorder
    try:
        recorder = configured()
    except ImproperlyConfigured as exc:
        logger.warning("There are no traces: %s", exc)


def stop() -> None:
    """Export what is left, before the process ends."""
    global recorder
    if recorder:
        recorder.stop()
        recorder = None


def configured() -> "Recorder | None":
    """What the environment asks for. Raises ImproperlyConfigured, which must not stop a server: the variables may be for others."""
    asked_by = next((name for name in (*ENDPOINTS, EXPORTER) if _text(name)), "")
    if not asked_by or _text(EXPORTER).lower() == "none" or _text("OTEL_SDK_DISABLED").lower() == "true":
        return None
    _require_valid_variables()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from usermgmt.spans import Recorder

        return Recorder(BatchSpanProcessor(OTLPSpanExporter()))
    except ImportError:
        raise ImproperlyConfigured(
            f"{asked_by} is set, but the packages of OpenTelemetry aren't installed. Install usermgmt[locked,otel], in a checkout "
            "requirements-otel.txt."
        ) from None
    except (ValueError, RuntimeError) as exc:
        raise ImproperlyConfigured(f"A variable of OpenTelemetry is wrong: {exc}") from None


def _require_valid_variables() -> None:
    """Check what the packages don't support, and what they would write to the log with passwords and tokens."""
    if _text(EXPORTER).lower() not in ("", "otlp"):
        raise ImproperlyConfigured(f"{EXPORTER} must be otlp or none.")
    for name in PROTOCOLS:
        if _text(name) not in ("", "http/protobuf"):
            raise ImproperlyConfigured(f"{name} must be http/protobuf. Its port is usually 4318.")
    for name in ENDPOINTS:
        if _text(name) and not ENDPOINT.fullmatch(_text(name)):
            raise ImproperlyConfigured(
                f"{name} must be a URL with http:// or https://, without a username and password: write them to {HEADERS[1]}."
            )
    for name in HEADERS:
        if not all(map(_is_header, filter(str.strip, _text(name).split(",")))):
            raise ImproperlyConfigured(f"{name} must be headers as name=value, separated by commas, with URL-encoded values.")


def _is_header(text: str) -> bool:
    found = HEADER.fullmatch(text)
    return bool(found and re.fullmatch("[ -~]*", unquote(found[1])))


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()
