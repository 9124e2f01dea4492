"""A question's way to Elasticsearch: to one host after another until there is an answer.

As elasticsearch-py does it for any call (`BaseClient` and `Transport`), but without what a question does not need: that took a
tenth of the time that a page takes in here.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias, cast

import orjson
from django.conf import settings
from elastic_transport import (
    ApiResponse,
    ApiResponseMeta,
    ConnectionTimeout,
    HeadApiResponse,
    HttpHeaders,
    ListApiResponse,
    NodeConfig,
    ObjectApiResponse,
    TextApiResponse,
    Transport,
    TransportError,
)
from elasticsearch import ApiError, JsonSerializer, UnsupportedProductError, __version__
from elasticsearch._sync.client.utils import _quote_query  # how the client writes parameters, which has no public name

from accounts.services.curl_node import Answer, CurlNode

# Of the client's own version, which a newer cluster then speaks too; nothing but Elasticsearch answers in it.
JSON: Final = "application/vnd.elasticsearch+json"
TYPES: Final = [f"{name}: {JSON}; compatible-with={__version__[0]}" for name in ("accept", "content-type")]

Written: TypeAlias = orjson.Fragment

_json: Final = JsonSerializer()
_responses: Final[dict[type, type[ApiResponse[Any]]]] = {dict: ObjectApiResponse, list: ListApiResponse}


def ask(
    transport: Transport,
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, Any] | None = None,
    body: Any = None,
) -> ApiResponse[Any]:
    """The answer. Raises ApiError and TransportError, as the client's own `perform_request`."""
    target = f"{path}?{_quote_query(params)}" if params else path
    data = None if body is None else _written(body)
    answer = _answer(transport, method, target, data, [*TYPES, *(f"{name}: {value}" for name, value in headers.items())])
    said = _json.loads(answer.body) if answer.body and "json" in answer.content_type else answer.body.decode(errors="replace")
    if method == "HEAD" and answer.status in (200, 404):
        return HeadApiResponse(_meta(answer.status))
    if not 200 <= answer.status < 300:
        raise ApiError(str(answer.status), _meta(answer.status), said)
    if not answer.content_type.startswith(JSON):
        raise UnsupportedProductError("This is not Elasticsearch", _meta(answer.status), said)
    return _responses.get(type(said), TextApiResponse)(body=said, meta=_meta(answer.status))


def written_once(part: Any) -> Written:
    """A part of many questions' bodies, to be kept."""
    return orjson.Fragment(_written(part))


def _written(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # half characters (`\\ud800`), which it refuses
        return _json.dumps(body)


def _answer(transport: Transport, method: str, target: str, body: bytes | None, headers: list[str]) -> Answer:
    """Of the first host that is neither away nor too busy; of the last one whatever it is."""
    left = len(settings.ELASTICSEARCH_HOSTS)
    while True:
        node = cast(CurlNode, transport.node_pool.get())
        try:
            answer = node.ask(method, target, body, headers, settings.ELASTICSEARCH_REQUEST_TIMEOUT)
        except TransportError as exc:
            transport.node_pool.mark_dead(node)
            if not left or isinstance(exc, ConnectionTimeout):
                raise
        else:
            if answer.status not in transport.retry_on_status:
                transport.node_pool.mark_live(node)
                return answer
            transport.node_pool.mark_dead(node)
            if not left:
                return answer
        left -= 1


@cache
def _meta(status: int) -> ApiResponseMeta:
    """Nobody here looks at the rest of it."""
    return ApiResponseMeta(status, "1.1", HttpHeaders(), 0, NodeConfig("http", "elasticsearch", 9200))
