"""SaladCloud's OpenAPI document, as package data: what each operation takes and answers.

The client holds its requests against it before it sends them (strict writing); a simulator of the platform
holds the requests that it gets and, in its tests, the answers that it gives. The document is parsed at the
first use, which takes about 30 ms with libyaml, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import yaml

from scvk.saladcloud.models.violations import Violation, fast_check_of, violations_of

METHODS = ("get", "put", "post", "patch", "delete")
DEFAULT_RESPONSE = "default"


@dataclass(frozen=True)
class Body:
    """A request's or a response's body: media type, and schema with all references resolved."""

    media_type: str
    schema: Mapping[str, Any]

    @cached_property
    def surely_valid(self) -> Callable[[Any], bool]:
        """Says in microseconds whether a value surely breaks no rule."""
        return fast_check_of(self.schema)

    def violations(self, value: Any) -> list[Violation]:
        """Return what is wrong with a decoded body."""
        return [] if self.surely_valid(value) else violations_of(self.schema, value)


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    `path` is a template such as `/organizations/{organization_name}/quotas`, below the server's base URL,
    and `path_parameters` the schemas of its parameters. `responses` has status codes and "default" for
    keys, and None where the document gives an answer no body.
    """

    id: str
    method: str
    path: str
    path_parameters: Mapping[str, Mapping[str, Any]]
    request: Body | None
    responses: Mapping[str, Body | None]

    def request_violations(self, body: Any) -> list[Violation]:
        """Return what is wrong with a request's decoded JSON body; pass None for a request without a body."""
        if self.request is None:
            return [] if body is None else [Violation("", "this operation takes no body")]
        return self.request.violations(body)

    def response_violations(self, status: int, body: Any) -> list[Violation]:
        """Return what is wrong with an answer's decoded JSON body; pass None for an answer without a body."""
        response = self.responses.get(str(status), self.responses.get(DEFAULT_RESPONSE))
        if response is None:
            return [] if body is None else [Violation("", f"an answer {status} has no body")]
        return response.violations(body)

    def path_violations(self, parameters: Mapping[str, str]) -> list[Violation]:
        """Return what is wrong with the decoded path parameters; `path` is the parameter's name."""
        return self._parameters.violations(dict(parameters))

    @cached_property
    def _parameters(self) -> Body:
        return Body("", {"properties": dict(self.path_parameters), "required": list(self.path_parameters)})


class Document:
    """An OpenAPI document. Raises KeyError for names that it does not have."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._fast_checks: dict[str, Callable[[Any], bool]] = {}

    @property
    def version(self) -> str:
        """The version of the API that the document describes."""
        return str(self._root["info"]["version"])

    @property
    def schema_names(self) -> tuple[str, ...]:
        """The names of all component schemas."""
        return tuple(self._root["components"]["schemas"])

    def schema(self, name: str) -> Mapping[str, Any]:
        """Return a component schema by name, with all references resolved."""
        if name not in self._schemas:
            self._schemas[name] = self._resolved(self._root["components"]["schemas"][name])
        return self._schemas[name]

    def violations(self, schema_name: str, body: Any) -> list[Violation]:
        """Return what is wrong with `body`, a decoded JSON value, against a component schema."""
        schema = self.schema(schema_name)
        surely_valid = self._fast_checks.get(schema_name)
        if surely_valid is None:
            surely_valid = self._fast_checks[schema_name] = fast_check_of(schema)
        return [] if surely_valid(body) else violations_of(schema, body)

    def operation(self, operation_id: str) -> Operation:
        """Return one operation by its `operationId`."""
        return self.operations[operation_id]

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """All operations by `operationId`."""
        return {operation.id: operation for operation in self._read_operations()}

    def _read_operations(self) -> Iterator[Operation]:
        for path, item in self._root["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, item[method], item.get("parameters", []))

    def _operation(self, path: str, method: str, raw: Mapping[str, Any], shared: list[Any]) -> Operation:
        parameters = [self._resolved(parameter) for parameter in [*shared, *raw.get("parameters", [])]]
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            path_parameters={p["name"]: p["schema"] for p in parameters if p["in"] == "path"},
            request=self._body(raw["requestBody"]) if "requestBody" in raw else None,
            responses={status: self._body(response) for status, response in raw["responses"].items()},
        )

    def _body(self, raw: Mapping[str, Any]) -> Body | None:
        content = self._resolved(raw).get("content", {})
        for media_type, described in content.items():
            return Body(media_type, described["schema"])
        return None

    def _resolved(self, node: Any) -> Any:
        # The document has no recursive schemas, so that references can be replaced once and for all:
        # checking a body is then several times faster than looking each reference up again.
        if isinstance(node, Mapping):
            if "$ref" in node:
                target = self._resolved(self._at(node["$ref"]))
                beside = {key: value for key, value in node.items() if key != "$ref"}
                return {**target, **beside}
            return {key: self._resolved(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self._resolved(item) for item in node]
        return node

    def _at(self, reference: str) -> Any:
        node: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        return node


@cache
def document() -> Document:
    """Return the packaged document, parsed once."""
    text = files("scvk.saladcloud.models").joinpath("openapi.yaml").read_bytes()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may come without libyaml: 15 times slower
    return Document(yaml.load(text, Loader=loader))  # noqa: S506 (both loaders are the safe kind)


def violations(schema_name: str, body: Any) -> list[Violation]:
    """Return what is wrong with `body`, a decoded JSON value, against a schema of the packaged document.

    An empty list means that it is valid. Raises KeyError for a schema that the document does not have.
    """
    return document().violations(schema_name, body)
