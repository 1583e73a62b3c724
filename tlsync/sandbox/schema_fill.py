"""Makes a JSON value that satisfies a JSON Schema of the allowed kind, with facts where a name asks for them; pure.

The allowed kind is that of the reference under "analyze": what it refuses is refused here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tlsync.sandbox import texts
from tlsync.sandbox.patterns import example
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.texts import Span, Subject

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2025-11-17T00:00:00Z",
    "date": "2025-11-17",
    "time": "00:00:00Z",
}
REFUSED = (
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "multipleOf",
    "allOf",
    "oneOf",
    "not",
    "patternProperties",
)
DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Facets:
    """Values by the names that schemas use for them. A list of facets fills an array of objects."""

    values: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Facets]] = field(default_factory=dict)


def facets_of(subject: Subject) -> Facets:
    """What the sandbox can say about a video, by name."""
    topics, hashtags = texts.topics(subject), texts.hashtags(subject)
    values = {
        "title": texts.title(subject),
        "summary": texts.summary(subject),
        "description": texts.summary(subject),
        "topic": topics,
        "hashtag": hashtags,
        "keyword": topics,
        "tag": topics,
        "duration": subject.facts.duration_s,
        "filename": subject.filename,
    }
    chapters = [_span(number, span) for number, span in enumerate(texts.chapters(subject))]
    highlights = [_span(number, span) for number, span in enumerate(texts.highlights(subject))]
    lists = {"chapter": chapters, "segment": chapters, "highlight": highlights, "moment": highlights}
    return Facets(values, lists)


def fill(schema: Any, facets: Facets) -> Any:
    """A value for the schema.

    Raises:
        Refusal: The schema is not of the allowed kind, or nothing can satisfy it here.
    """
    if not isinstance(schema, dict):
        raise invalid("The json_schema must be an object.")
    return _Filler(schema).value(schema, "", facets, 0)


def _span(number: int, span: Span) -> Facets:
    return Facets(
        {
            "number": number,
            "start": span.start_s,
            "end": span.end_s,
            "title": span.title,
            "highlight": span.title,
            "headline": span.title,
            "summary": span.text,
            "description": span.text,
            "text": span.text,
        }
    )


def _plain_name(name: str) -> str:
    """`chapter_summary`, `start_sec` and `Topics` by the names of `Facets`."""
    words = [word for word in name.lower().replace("-", "_").split("_") if word not in ("s", "sec", "seconds", "time")]
    last = words[-1] if words else ""
    return last[:-1] if last.endswith("s") and not last.endswith("ss") else last


class _Filler:
    def __init__(self, root: dict[str, Any]) -> None:
        self._definitions = root.get("$defs", {})

    def value(self, schema: Any, name: str, facets: Facets, depth: int) -> Any:
        if schema is True:
            schema = {"type": "string"}
        if not isinstance(schema, dict) or depth > DEEPEST:
            raise invalid("The json_schema is not valid, or nested too deeply.")
        for keyword in REFUSED:
            if keyword in schema:
                raise invalid(f"The json_schema keyword {keyword} is not supported.")
        if "$ref" in schema:
            return self.value(self._resolve(schema["$ref"]), name, facets, depth + 1)
        if "anyOf" in schema:
            return self._any_of(schema["anyOf"], name, facets, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._from_enum(schema["enum"])
        return self._typed(schema, name, facets, depth)

    def _typed(self, schema: dict[str, Any], name: str, facets: Facets, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind not in TYPES:
            raise invalid(f"The json_schema type {kind!r} is not supported.")
        match kind:
            case "object":
                return self._object(schema, facets, depth)
            case "array":
                return self._array(schema, name, facets, depth)
            case "string":
                return self._string(schema, name, facets)
            case "integer":
                return self._integer(schema, name, facets)
            case "number":
                return self._number(schema, name, facets)
            case "boolean":
                return False
        return None

    def _object(self, schema: dict[str, Any], facets: Facets, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise invalid("The json_schema has properties or required of the wrong kind.")
        names = list(properties)
        first = next((name for name in names if name in required), None)
        if first is not None and names[0] not in required:
            names.remove(first)
            names.insert(0, first)
        return {name: self.value(properties[name], name, facets, depth + 1) for name in names}

    def _array(self, schema: dict[str, Any], name: str, facets: Facets, depth: int) -> list[Any]:
        fewest = schema.get("minItems", 0)
        if fewest not in (0, 1):
            raise invalid("The json_schema keyword minItems can only be 0 or 1.")
        items = schema.get("items", {"type": "string"})
        plain = _plain_name(name)
        if plain in facets.lists:
            return [self.value(items, plain, facet, depth + 1) for facet in facets.lists[plain]]
        known = facets.values.get(plain)
        if isinstance(known, list) and self._is_plain_text(items):
            return list(known)
        return [self.value(items, plain, Facets(), depth + 1)]

    def _is_plain_text(self, schema: Any) -> bool:
        return (
            isinstance(schema, dict)
            and schema.get("type") == "string"
            and not {"pattern", "format", "enum", "const"} & set(schema)
        )

    def _string(self, schema: dict[str, Any], name: str, facets: Facets) -> str:
        if "pattern" in schema:
            return example(str(schema["pattern"]))
        if "format" in schema:
            if schema["format"] not in FORMATS:
                raise invalid(f"The json_schema format {schema['format']!r} is not supported.")
            return FORMATS[schema["format"]]
        known = facets.values.get(_plain_name(name))
        if isinstance(known, list):
            return ", ".join(known)
        return "sandbox" if known is None else str(known)

    def _integer(self, schema: dict[str, Any], name: str, facets: Facets) -> int:
        known = facets.values.get(_plain_name(name))
        value = int(known) if isinstance(known, int | float) else 0
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if any(bound is not None and not isinstance(bound, int) for bound in (low, high, above, below)):
            raise invalid("The bounds of an integer in the json_schema must be integers.")
        lows = [bound for bound in (low, None if above is None else above + 1) if bound is not None]
        highs = [bound for bound in (high, None if below is None else below - 1) if bound is not None]
        value = int(min([max([value, *lows]), *highs]))
        if lows and value < max(lows):
            raise invalid("The bounds of an integer in the json_schema leave nothing.")
        return value

    def _number(self, schema: dict[str, Any], name: str, facets: Facets) -> float:
        known = facets.values.get(_plain_name(name))
        value = float(known) if isinstance(known, int | float) else 0.0
        low, high = schema.get("minimum", value), schema.get("maximum", float("inf"))
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            raise invalid("The bounds of a number in the json_schema must be numbers.")
        return float(min(max(value, low), high))

    def _any_of(self, choices: Any, name: str, facets: Facets, depth: int) -> Any:
        if not isinstance(choices, list) or not choices:
            raise invalid("The json_schema keyword anyOf needs a list.")
        spoken = [choice for choice in choices if not (isinstance(choice, dict) and choice.get("type") == "null")]
        return self.value((spoken or choices)[0], name, facets, depth + 1)

    def _from_enum(self, values: Any) -> Any:
        if not isinstance(values, list) or not values or any(isinstance(value, dict | list) for value in values):
            raise invalid("The json_schema keyword enum needs a list of plain values.")
        return values[0]

    def _resolve(self, reference: Any) -> Any:
        name = str(reference).removeprefix("#/$defs/")
        if f"#/$defs/{name}" != reference or not isinstance(self._definitions, dict) or name not in self._definitions:
            raise invalid(f"The json_schema reference {reference!r} does not lead into $defs.")
        return self._definitions[name]
