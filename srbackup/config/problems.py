"""From a validator's findings to problems that say where and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from srbackup.config.document import Document, Problem, Step

_Schema = TypeVar("_Schema", bound=BaseModel)


def validate(document: Document, schema: type[_Schema]) -> _Schema | list[Problem]:
    """The document as `schema` sees it, or all its problems in the order of the file."""
    try:
        return schema.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(document, schema, e) for e in error.errors(include_url=False)]
        return sorted(found, key=lambda p: (p.line, p.column))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)', or nothing when no known word is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _problem(document: Document, schema: type[BaseModel], error: Any) -> Problem:
    path: Sequence[Step] = error["loc"]
    written = document.at(path) if error["type"] not in {"missing", "invalid_key"} and path[-1:] != ("[key]",) else None
    match error["type"]:
        case _ if error["type"] == "invalid_key" or path[-1:] == ("[key]",):
            return document.problem(
                path if path[-1] != "[key]" else path[:-1], "a key must be a string: write it in quotes", at_key=True
            )
        case "too_short":
            return document.problem(path, "must not be empty")
        case "secret_in_clear":
            return document.problem(path, str(error["msg"]))
        case "extra_forbidden":
            known = _fields(schema, path[:-1])
            text = f"unknown key {path[-1]!r}{did_you_mean(str(path[-1]), known)}"
            return document.problem(path, text, at_key=True)
        case "missing":
            return document.problem(path, "is missing")
        case "model_type" | "dict_type":
            return document.problem(path, f"must be a mapping, not {_kind(error['input'])}")
        case "literal_error":
            text = f"{error['input']!r} is none of {error['ctx']['expected']}"
            words = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return document.problem(path, text + did_you_mean(str(error["input"]), words))
        case "string_type" | "int_type" | "bool_type" | "list_type":
            wanted = {
                "string_type": "a string",
                "int_type": "a whole number",
                "bool_type": "true or false",
                "list_type": "a list",
            }
            return document.problem(path, f"must be {wanted[error['type']]}, not {_kind(error['input'])}")
        case "value_error":
            said = str(error["ctx"]["error"])
            return document.problem(path, said if isinstance(written, dict | list) else f"{written!r}: {said}")
        case "string_pattern_mismatch":
            return document.problem(path, f"{written!r}: a letter, then letters, digits and _, at most 64 of them")
        case _:
            return document.problem(path, f"{written!r}: {error['msg'][0].lower()}{error['msg'][1:]}")


def _fields(schema: type[BaseModel], path: Sequence[Step]) -> list[str]:
    """The keys that are known at `path` of the schema."""
    node: Any = schema.model_json_schema()
    defs = node.get("$defs", {})
    for step in path:
        node = _resolved(node, defs)
        if isinstance(step, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
    return list(_resolved(node, defs).get("properties", {}))


def _resolved(node: Any, defs: Any) -> Any:
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    return defs[node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case str():
            return f"the string {str(value)!r}"
        case int() | float():
            return f"the number {value}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return type(value).__name__
