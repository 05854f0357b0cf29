"""Every knob of the project, typed and frozen.

Read once from `settings.toml` at the door and passed down. An unknown key, a missing one or a value of the wrong type is
refused with one sentence that names the key, what was found and what to do.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from .knobs import Tune
from .operations import Feedback, Logging, Monitoring, Serving
from .refusal import Refusal
from .sections import (
    CascadeSettings,
    Columns,
    Compute,
    Data,
    Encoders,
    Features,
    Gate,
    Model,
    Retrain,
    Section,
    Split,
    Tracking,
    Validation,
)
from .tables import Table


class SettingsError(Refusal):
    """A setting that cannot be used."""


class Settings(Section):
    """The whole of settings.toml."""

    seed: int = Field(ge=0, lt=2**32)
    tables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], Table]
    data: Data
    columns: Columns
    validation: Validation = Validation()
    features: Features = Features()
    split: Split
    encoders: Encoders = Encoders()
    model: Model
    cascade: CascadeSettings = CascadeSettings()
    gate: Gate
    tune: Tune = Tune()
    compute: Compute = Compute()
    retrain: Retrain = Retrain()
    tracking: Tracking = Tracking()
    serving: Serving = Serving()
    logging: Logging = Logging()
    feedback: Feedback = Feedback()
    monitoring: Monitoring = Monitoring()

    def only(self, sections: Iterable[str]) -> Settings:
        """The settings with some sections alone; reading another one raises AttributeError."""
        part = self.model_copy()
        object.__setattr__(part, "__dict__", {name: getattr(self, name) for name in sections})
        return part


def read_settings(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        SettingsError: the file is absent, is not TOML, or holds a key or value that cannot be used.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; run this in the project's folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}; mend that line") from None
    return settings_of(raw, str(path))


def settings_of(raw: dict[str, Any], where: str) -> Settings:
    """What tables say as TOML holds them.

    Args:
        raw: the tables.
        where: they stand, for the message.

    Raises:
        SettingsError: one of them holds a key or value that cannot be used.
    """
    try:
        # JSON knows no tuples, so a strict model takes its arrays for them.
        return Settings.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        # A misspelt key is one unknown and one missing: the unknown one tells more.
        wrong = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise SettingsError(_sentence(where, wrong[0])) from None


def _sentence(where: str, error: Any) -> str:
    """The first thing wrong, in words for the person who edits the file."""
    *parents, _ = error["loc"] or ("",)
    section: Any = Settings
    for parent in parents:
        section = _field(section, parent)
    name = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{where}: {name} is no known setting; known here are {', '.join(section.model_fields)}"
        case "missing" if hasattr(section, "model_fields"):
            return f"{where}: {name} is missing; add it (the keys of this section are {', '.join(section.model_fields)})"
        case "value_error":
            return f"{where}: {name}: {error['ctx']['error']}"
        case _:
            wanted = error["msg"].removeprefix("Input should be ")
            found = re.sub(r"(?<=://)[^'\"]*@", "***@", repr(error["input"]))  # a URL may hold a password
            return f"{where}: {name} is {found}, expected {wanted}; change it"


def _field(section: Any, key: str | int) -> Any:
    """The type that a section's key holds; the entries of a table of tables share one."""
    fields = getattr(section, "model_fields", {})
    if key not in fields:
        return section
    annotation = fields[key].annotation
    return getattr(annotation, "__args__", (None, annotation))[-1]
