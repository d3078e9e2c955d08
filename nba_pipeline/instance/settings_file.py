"""Settings from a TOML file: reading, messages with the nearest valid key, and where each value comes from.

The settings themselves, their units and bounds belong in `settings`. The path of the file belongs in `environments`.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import Section, Settings

DEFAULT = "default"
BY_PROVIDER = ("requests_per_second", "read_timeout_seconds_of", "attempts_of", "provider_refusals")
"""Tables of values whose keys are providers."""
OF_FEATURES = ("usual_variation", "never_constant", "come_during_the_day", "depend_on_similar_games")
"""Settings that name columns of `features`, as keys or in a list."""
OF_STATISTICS = ("ranges", "never_zero")
"""Settings that name statistics of a team, as keys or in a list."""
FREE = ("books_of_one_feed", "book_precedence", "pickem_books", "game_markets")
"""Settings that name sportsbooks and markets, of which the platform has no list."""

Names = Callable[[], Collection[str]]
"""Returns the columns of `features`. Called for settings that name features only."""


@dataclass(frozen=True)
class Loaded:
    """Settings, the file they come from, and the hash of its contents. Without a file all values are defaults."""

    settings: Settings
    file: Path | None = None
    digest: str = ""
    overridden: frozenset[str] = frozenset()
    """The settings of the file, as section.setting."""

    def refuse_another_file(self) -> None:
        """Raises BadInput if the file has been changed, created or removed since it was loaded."""
        if self.file is not None and _digest(self.file) != self.digest:
            raise BadInput(f"{self.file} has changed since this process read it; restart the process to use the new settings")

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields one row per setting: setting, value, default, origin (the file or `default`) and description."""
        for section_name in Settings.model_fields:
            section, default = getattr(self.settings, section_name), getattr(Settings(), section_name)
            for name, field in type(section).model_fields.items():
                key = f"{section_name}.{name}"
                yield {
                    "setting": key,
                    "value": getattr(section, name),
                    "default": getattr(default, name),
                    "origin": str(self.file) if key in self.overridden else DEFAULT,
                    "affects_data": name in section.affects_data,
                    "description": field.description or "",
                }


def load(file: Path, *, is_required: bool = False, features: Names = tuple) -> Loaded:
    """Reads a settings file. An absent file that is not required gives the defaults.

    `features` returns the names that settings about features may use. Raises BadInput for a file that cannot be read or
    parsed, an unknown key, a value of another type and a value out of range. The message names the file, the key and the
    value.
    """
    if not file.exists() and not is_required:
        return Loaded(Settings(), file)
    try:
        body = file.read_bytes()
        document = tomllib.loads(body.decode())
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} cannot be read as TOML: {error}") from None
    sections = {name: _section(file, name, values, features) for name, values in document.items()}
    keys = frozenset(f"{name}.{key}" for name, values in document.items() for key in values)
    return Loaded(Settings().model_copy(update=sections), file, hashlib.sha256(body).hexdigest(), keys)


def _section(file: Path, name: str, values: Any, features: Names) -> Section:
    default: Section = getattr(Settings(), _require_known(file, name, Settings.model_fields, "section"))
    if not isinstance(values, Mapping):
        raise BadInput(f"{file}: {name} is a section and cannot be set to {values!r}; write [{name}] and its settings below it")
    merged = default.model_dump(mode="json")
    for key, value in values.items():
        _require_known(file, f"{name}.{key}", [f"{name}.{field}" for field in type(default).model_fields], "setting")
        _refuse_unknown_names(file, name, key, value, features)
        merged[key] = {**merged[key], **value} if isinstance(merged[key], dict) and isinstance(value, Mapping) else value
    try:
        return type(default).model_validate_json(json.dumps(merged, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([name, *map(str, first["loc"])])
        given = _value_at(values, first["loc"])
        reason = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
        raise BadInput(f"{file}: {key} is {given!r} but {reason}") from None


def _value_at(values: Any, location: Sequence[int | str]) -> Any:
    """Returns the value at a location of nested tables and lists, as far as it exists."""
    for step in location:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):  # the error is about the whole value
            return values
    return values


def _refuse_unknown_names(file: Path, section: str, key: str, value: Any, features: Names) -> None:
    """Raises BadInput for an unknown key of a table of values, or an unknown name in a list."""
    if isinstance(value, Mapping):
        prefix, given, kind = f"{section}.{key}.", list(value), "setting"
    elif isinstance(value, list) and key in (*OF_FEATURES, *OF_STATISTICS):
        prefix, given, kind = "", [item for item in value if isinstance(item, str)], f"name in {section}.{key}:"
    else:
        return
    valid = _valid_names(section, key, given, features)
    for item in given if valid is not None else ():
        _require_known(file, f"{prefix}{item}", [f"{prefix}{name}" for name in valid or ()], kind)


def _valid_names(section: str, key: str, given: Sequence[str], features: Names) -> Collection[str] | None:
    """Returns the names that a setting may use; None if they are free."""
    providers = Settings().http.requests_per_second
    if key in FREE:
        return None
    if key in BY_PROVIDER:
        return providers
    if key in OF_FEATURES:
        return features() or None
    if key in OF_STATISTICS:
        return Settings().plausible_games.ranges
    defaults = list(getattr(getattr(Settings(), section), key, None) or ())
    if key == "most_mib_of":  # provider and endpoint
        return [
            *defaults,
            *(item for item in given if item.partition(" ")[0] in providers and item.partition(" ")[2].isidentifier()),
        ]
    return defaults


def _require_known(file: Path, name: str, names: Any, kind: str) -> str:
    """Returns the name. Raises BadInput with the nearest valid name if it is unknown."""
    if name in names:
        return name
    near = get_close_matches(name, list(names), 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else "; `nba-pipeline settings` lists them"
    raise BadInput(f"{file}: unknown {kind} {name}{hint}")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
