"""The JSON that Elasticsearch returns, as text that any page and file can show."""

import json
import re
from typing import Any, Final

from elastic_transport import JsonSerializer

# As an escape, or as the bytes that a surrogate would have in UTF-8.
SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")


class ShowableJsonSerializer(JsonSerializer):
    """Elasticsearch stores half of a surrogate pair (`\\ud800`), which no encoding has: a question mark takes its place."""

    def json_loads(self, data: bytes) -> Any:
        """The value of a response body."""
        value = json.loads(data)
        if SURROGATE.search(data):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
        return value
