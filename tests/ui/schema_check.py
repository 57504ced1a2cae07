"""Holds JSON answers against docs/openapi.yaml: the part of JSON Schema that it uses."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def resolve(schema: dict) -> dict:
    while "$ref" in schema:
        found = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def is_type(value, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def problems(value, schema: dict, path: str = "$") -> list[str]:
    """What of `value` is not as `schema` says; empty if all is."""
    schema = resolve(schema)
    found = []
    for part in schema.get("allOf", []):
        found += problems(value, part, path)
    if "oneOf" in schema:
        tried = [problems(value, part, path) for part in schema["oneOf"]]
        if all(tried):
            return found + min(tried, key=len)
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is not one of {schema['enum']}")
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, name) for name in names):
        return [*found, f"{path}: {value!r} is no {' or '.join(names)}"]
    if isinstance(value, dict):
        found += problems_of_object(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value[:50]):
            found += problems(item, schema["items"], f"{path}[{index}]")
    return found


def problems_of_object(value: dict, schema: dict, path: str) -> list[str]:
    found = [
        f"{path}: '{key}' is missing" for key in schema.get("required", []) if key not in value
    ]
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for key, item in value.items():
        if key in known:
            found += problems(item, known[key], f"{path}.{key}")
        elif others is False:
            found.append(f"{path}: '{key}' is not documented")
        elif isinstance(others, dict):
            found += problems(item, others, f"{path}.{key}")
    return found


def reads() -> list[str]:
    """Paths of all documented GET routes that exist and answer JSON."""
    return [
        path
        for path, item in DOCUMENT["paths"].items()
        if "get" in item and item["get"].get("x-status") != "planned"
    ]


def answer_schema(path: str, method: str = "get", status: str = "200") -> dict:
    response = resolve(DOCUMENT["paths"][path][method]["responses"][status])
    return response["content"]["application/json"]["schema"]


def error_schema() -> dict:
    return {"$ref": "#/components/schemas/Error"}
