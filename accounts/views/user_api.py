"""The documentation of the user API, made from its OpenAPI description."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import requires_sign_in
from accounts.http import AppRequest, address
from accounts.user_api import description


@require_GET
@requires_sign_in
def user_api(request: AppRequest) -> HttpResponse:
    """Every operation of the user API, by tag. Raises Http404 where the user API is off."""
    if settings.USER_API == "off":
        raise Http404("user API")
    api = description.load()
    groups = [(tag, [each for each in _operations(api) if tag["name"] in each["tags"]]) for tag in api["tags"]]
    context = {
        "api": api,
        "groups": groups,
        "username": shlex.quote(request.user.username),
        "address": address(request),
        "url": f"{settings.BASE_PATH}{description.PATH}",
    }
    return render(request, "user_api/view.html", context)


def _operations(api: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """An operation with two methods is listed once."""
    for path, item in api["paths"].items():
        by_summary: dict[str, dict[str, Any]] = {}
        for method, operation in ((name, each) for name, each in item.items() if name != "parameters"):
            if known := by_summary.get(operation["summary"]):
                known["methods"].append(method.upper())
                continue
            parameters = [description.resolved(api, each) for each in operation["parameters"]]
            by_summary[operation["summary"]] = {
                **operation,
                "path": path,
                "methods": [method.upper()],
                "parameters": parameters,
                "fields": _fields(api, operation),
                "responses": {status: description.resolved(api, each) for status, each in operation["responses"].items()},
            }
        yield from by_summary.values()


def _fields(api: Mapping[str, Any], operation: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], bool]]:
    """Name, schema, and whether it is required, of each field of the body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = description.resolved(api, content.get("schema", {}))
    schemas = [description.resolved(api, each) for each in schema.get("oneOf", [schema])]
    return [
        (name, description.resolved(api, field), name in each.get("required", []) and len(schemas) == 1)
        for each in schemas
        for name, field in each.get("properties", {}).items()
    ]
