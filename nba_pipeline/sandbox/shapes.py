"""Effects of shape rules on a JSON document: renamed and null fields, numbers as text."""

from typing import Any

from nba_pipeline.sandbox.faults import Rule


def reshape(document: Any, rule: Rule) -> tuple[Any, bool]:
    """Returns the document after a shape action, and whether it changed. Table headers count as keys of the rows."""
    name, fields = rule.parameter("field"), rule.parameter("fields")
    changed = False

    def walk(value: Any, key: str | None) -> Any:
        nonlocal changed
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        if isinstance(value, dict) and {"headers", "rowSet"} <= value.keys():
            headers = value["headers"]
            rows = [list(walk(dict(zip(headers, row, strict=True)), None).values()) for row in value["rowSet"]]
            return value | {"headers": list(walk(dict.fromkeys(headers), None)), "rowSet": rows}
        if isinstance(value, dict):
            result: dict[str, Any] = {}
            for inner_key, inner in value.items():
                if inner_key == name:
                    changed = True
                    if rule.action == "null_field":
                        result[inner_key] = None
                    else:
                        result[rule.parameter("to")] = walk(inner, inner_key)
                else:
                    result[inner_key] = walk(inner, inner_key)
            return result
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if rule.action == "stringify_numbers" and is_number and (fields is None or key in fields):
            changed = True
            return str(value)
        return value

    return walk(document, None), changed
