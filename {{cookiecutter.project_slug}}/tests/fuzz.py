"""Rows of a request that are right, and rows that are wrong in known fields, made from what a model's card says of itself."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from {{ cookiecutter.package_name }}.card import Card
from {{ cookiecutter.package_name }}.data.schema import LARGEST
from {{ cookiecutter.package_name }}.sections import Limits
from {{ cookiecutter.package_name }}.serving.contract import MOST_CHARACTERS, SAMPLES

AT_ONCE, ALONE = 20, 2  # rows in a request, and how many of them are also sent by themselves
ROWS = int(os.environ.get("FUZZ_ROWS", "200"))

Values = st.SearchStrategy[Any]
Row = tuple[dict[str, Any], set[str]]  # and the fields that are wrong in it

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TORN = st.sampled_from(["\ud800", "words \udfff"])  # halves of a surrogate pair: JSON can say them, UTF-8 cannot
LONG = st.just("x" * (MOST_CHARACTERS + 1))
NESTED = st.recursive(st.lists(st.none()), lambda held: st.lists(held) | st.dictionaries(LETTERS, held), max_leaves=4)
ENDLESS = st.sampled_from([float("nan"), float("inf"), float("-inf")])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORDS: Values = LETTERS | st.integers() | st.booleans() | FINITE | st.just(10**400)
NO_TIME = st.sampled_from(["now", "yesterday", "", "2026-13-01", "1772323200", "2026-05-01T12:00:00+99:00", "\x00", "\ud800"])


def fuzz(card: Card, ask: Callable[[str], str | None], count: int) -> int:
    """Ask for answers to rows, right and wrong, the same every time; return how many there were.

    Args:
        card: of the model that is asked.
        ask: JSON rows to the sentence that refuses them, None if they are answered.
        count: of rows, at least.

    Raises:
        AssertionError: a wrong row is answered, a right one refused, or a refusal names no field that is wrong.
    """
    asked = []

    @settings(
        max_examples=-(-count // AT_ONCE),
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],  # a failure shows its row, so none is looked for that is smaller
        suppress_health_check=list(HealthCheck),
    )
    @given(rows(card))
    def asks(sent: list[Row]) -> None:
        asked.append(len(sent))
        for one in sent[:ALONE]:
            _told_apart([one], ask)
        _told_apart(sent, ask)

    asks()
    return sum(asked)


def rows(card: Card) -> st.SearchStrategy[list[Row]]:
    """Requests of a few rows; what the card's limits forbid is among the wrong."""
    number = card.key == "number"
    entity: Values = st.integers(-(2**63), 2**63 - 1) if number else LETTERS
    no_entity: Values = st.none() | NESTED | FINITE | (LETTERS | st.just(2**63) | st.booleans() if number else TORN | LONG)
    fields = {card.data.entity: (entity, no_entity)}
    for name, modality in card.columns.modalities().items():
        limits = card.limits.get(name, Limits())
        right, wrong = _values(card, name, modality, limits)
        fields[name] = (right | st.none(), wrong) if limits.null else (right, wrong | st.none())
    return st.lists(_row(card, fields), min_size=AT_ONCE, max_size=AT_ONCE)


def _told_apart(sent: list[Row], ask: Callable[[str], str | None]) -> None:
    """Each wrong row is refused by its number and a field that is wrong; once they are taken out, the others are answered."""
    while refusal := ask(json.dumps([row for row, _ in sent])) if sent else None:
        number = re.search(r"\brow (\d+)\b", refusal)
        assert number, refusal
        assert "\n" not in refusal
        row, wrong = sent.pop(int(number[1]))
        assert any(repr(name) in refusal for name in wrong), f"{refusal}\n{row}\n{wrong}"
    assert not any(wrong for _, wrong in sent), f"answered: {sent}"


@st.composite
def _row(draw: st.DrawFn, card: Card, fields: dict[str, tuple[Values, Values]]) -> Row:
    whole = {card.data.entity, *(name for name, limits in card.limits.items() if not limits.null)}
    names = [name for name in fields if name in whole or draw(st.booleans())]
    wrong = draw(st.sets(st.sampled_from(names), max_size=2)) if draw(st.booleans()) else set()
    row = {name: draw(fields[name][name in wrong]) for name in names}
    if draw(st.integers(0, 9)) == 0:
        unknown = draw(LETTERS.filter(lambda name: name not in fields and name != card.data.segment))
        return row | {unknown: 1}, wrong | {unknown}
    return row, wrong


def _values(card: Card, name: str, modality: str, limits: Limits) -> tuple[Values, Values]:
    """What a field may hold, and what it may not."""
    match modality:
        case "numbers":
            bounds = [(limits.min, -1), (limits.max, 1)]
            outside = [bound + sign * (abs(bound) + 1) for bound, sign in bounds if bound is not None]
            wrong = LETTERS | NESTED | ENDLESS | st.booleans() | st.sampled_from([10**400, 1.1 * LARGEST, *outside])
            return st.floats(*(sign * LARGEST if bound is None else bound for bound, sign in bounds)), wrong
        case "categories":
            return WORDS, NESTED | ENDLESS | TORN | LONG
        case "dates":
            return st.datetimes().map(lambda moment: moment.isoformat()), NESTED | FINITE | NO_TIME | LONG
        case "image":
            held = [row[name] for row in card.golden_rows if row[name]] + [SAMPLES["image"]]
            torn = [picture[: len(picture) // 8 * 4] for picture in held]
            junk = st.binary(max_size=50).map(lambda content: b64encode(content).decode())
            return st.sampled_from(held), NESTED | FINITE | junk | st.sampled_from([*torn, "no base64!", "\ud800"])
        case _:
            return LETTERS, NESTED | FINITE | st.booleans() | TORN | LONG
