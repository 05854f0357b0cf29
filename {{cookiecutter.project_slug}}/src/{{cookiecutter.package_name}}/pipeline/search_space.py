"""Search space: points at which settings are tried, a value per dotted name, and settings.toml with the values of the best."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ..encoders.fusion import encoder
from ..model.candidates import candidates
from ..settings import Settings, SettingsError, read_settings, settings_of

SECTIONS = ("encoders", "model", "cascade")  # what `fit` reads, but for the question, its columns and the seed
Point = dict[str, Any]


class Space:
    """What `tune.space` of the settings spans.

    Args:
        settings: of the project; what they say is the point `present`, which may lie outside.

    Raises:
        SettingsError: the space is empty, or names what is no setting or what the setting refuses.
        Refusal: of a value no encoder or model is made.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.knobs = settings, settings.tune.space
        if not self.knobs:
            raise SettingsError(
                "settings.toml: tune.space is empty, so there is nothing to seek; list a setting there, such as "
                '"model.regularization" = { low = 0.1, high = 10.0, log = true }'
            )
        self.held = {name: value_at(settings, name) for name in self.knobs}
        self.present = dict(self.held)
        for name, knob in self.knobs.items():
            for end in knob.ends:
                tried = self.settings_at({name: end})
                encoder(tried.columns, tried.encoders)
                candidates(tried)
                if value_at(tried, name) == self.held[name]:  # a kind is held as a list of one
                    self.present[name] = end

    def settings_at(self, point: Point) -> Settings:
        """The settings with the values of a point."""
        raw = self.settings.model_dump(mode="json")
        for name, value in point.items():
            put(raw, name, value)
        return settings_of(raw, "settings.toml: tune.space")

    def distributions(self) -> dict[str, Any]:
        """The space as Optuna knows it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, Any] = {}
        for name, knob in self.knobs.items():
            numbers = IntDistribution if isinstance(self.held[name], int) else FloatDistribution
            found[name] = CategoricalDistribution(knob.values) if knob.values else numbers(knob.low, knob.high, log=knob.log)
        return found

    def rounded(self, point: Point) -> Point:
        """The same with four digits of each number drawn, for somebody is going to read it in settings.toml."""
        drawn = {name: value for name, value in point.items() if isinstance(value, float) and not self.knobs[name].values}
        ends = {name: self.knobs[name].ends for name in drawn}
        return point | {name: min(max(float(f"{drawn[name]:.4g}"), low), high) for name, (low, high) in ends.items()}

    def write(self, point: Point, path: Path) -> None:
        """Put the values of a point into a settings.toml; comments, and what was edited meanwhile, stay.

        Raises:
            SettingsError: one of the values was edited meanwhile.
        """
        import tomlkit

        now = read_settings(path)
        for name, held in self.held.items():
            if value_at(now, name) != held:
                raise SettingsError(
                    f"{path}: {name} was {held!r} when the search began and is {value_at(now, name)!r} now, so the best values "
                    f"are not written; set {told(point)} yourself, or search again"
                )
        document = tomlkit.parse(path.read_bytes().decode())
        for name, value in point.items():
            if value != self.present[name]:
                put(document, name, value)
        new = path.resolve().with_suffix(".new")
        new.write_bytes(tomlkit.dumps(document).encode())
        shutil.copymode(path, new)
        new.replace(path.resolve())


def value_at(settings: Settings, name: str) -> Any:
    """The value of a setting by its dotted name, as it is dumped.

    Raises:
        SettingsError: there is no such setting, or it is none that may be sought.
    """
    value: Any = settings.model_dump(mode="json", include=set(SECTIONS))
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            known = f"; instead of {part!r} there is {', '.join(value)}" if isinstance(value, dict) else ""
            raise SettingsError(
                f"settings.toml: tune.space names {name!r}, expected a setting of {', '.join(SECTIONS)}{known}; mend it"
            )
        value = value[part]
    return value


def put(tables: Any, name: str, value: Any) -> None:
    """Set what a dotted name stands for in a tree of tables."""
    *parents, last = name.split(".")
    for parent in parents:
        tables = tables.setdefault(parent, {})
    tables[last] = value


def told(point: Point) -> str:
    """A point as a person reads it."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in point.items())
