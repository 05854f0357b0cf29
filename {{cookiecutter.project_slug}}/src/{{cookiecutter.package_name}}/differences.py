"""Differences: in what two models are not the same, by their cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .card import Card

SECTIONS = ("data", "columns", "split", "limits", "libraries")


def differences(one: Card, other: Card) -> list[tuple[str, str, str]]:
    """What is not the same in two models, and their scores, as words to be shown in three columns."""
    rows = [("", one.version, other.version), ("candidate", one.candidate, other.candidate)]
    rows += [(part, "", "the same" if one.made_of[part] == other.made_of[part] else "another") for part in one.made_of]
    if one.settings and other.settings:
        rows += _changed(one.settings, other.settings)
    elif one.made_of["logic"] != other.made_of["logic"]:  # cards from before they were kept
        rows.append(("settings", _kept(one), _kept(other)))
    was, now = (card.model_dump(mode="json", include={*SECTIONS}) for card in (one, other))
    rows += [row for section in SECTIONS for row in _changed({section: was[section]}, {section: now[section]})]
    if one.code != other.code:
        rows.append(("code", one.code[:12], other.code[:12]))
    scored = [name for name in one.scores if name in other.scores]
    return rows + [(name, f"{one.scores[name]:z.3f}", f"{other.scores[name]:z.3f}") for name in scored]


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Each setting by its whole name, such as `encoders.weights.text`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def _kept(card: Card) -> str:
    return "on its card" if card.settings else "not on its card"


def _changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    was, now = flat(one), flat(other)
    told = [(name, was.get(name), now.get(name)) for name in {**was, **now}]
    return [(name, *_told(before, after)) for name, before, after in told if before != after]


def _told(before: Any, after: Any) -> tuple[str, str]:
    """Two values; of two lists what the one alone has, unless nothing but their order differs."""
    if isinstance(before, list) and isinstance(after, list) and set(before) != set(after):
        gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
        return " ".join(f"-{one}" for one in gone), " ".join(f"+{one}" for one in come)
    return str(before), str(after)
