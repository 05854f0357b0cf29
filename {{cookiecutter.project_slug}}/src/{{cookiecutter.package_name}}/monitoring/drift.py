"""Drift: whether the rows that a model is asked about, and its answers, are still distributed as in its reference.

One row of each entity is compared, weighted with how often it asks: rows of one are alike, and every test here takes rows for
independent. An alarm needs a difference that chance does not explain, over all tests together, and one that is large enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from ..operations import Monitoring
from ..reference import COUNT, MOST_ROWS, Reference, one_of_each, said
from .finding import Finding
from .shares import Shares, by_label, by_number

WEEK = pd.Timedelta(days=6)
MISSING = {True: "missing", False: "given"}


@dataclass(frozen=True)
class _Difference:
    """What a test says of one measure.

    Args:
        p: the probability of such a difference by chance.
        effect: distance of the two distributions, 0 to 1.
        told: what was found, and what was expected.
    """

    column: str
    modality: str
    measure: str
    p: float
    effect: float
    told: str


def drift(reference: Reference, inputs: pd.DataFrame, answers: pd.DataFrame, rules: Monitoring) -> list[Finding]:
    """Compare a window of answers with the reference of the model that gave them.

    Args:
        reference: of the model.
        inputs: the entity and what the model read, conformed; a column that is masked is absent.
        answers: `prediction` and `route` of each row, with the same index; None where a route was given, not found.
        rules: what is worth an alarm.

    Returns:
        A finding for each measure, or a single one where the rows are too few.
    """
    inputs, answers = inputs.reset_index(drop=True), answers.reset_index(drop=True)
    whose = inputs[reference.entity] if reference.entity in inputs else pd.Series(inputs.index)
    counts = one_of_each(whose, MOST_ROWS)
    if len(counts) < rules.min_rows:
        return [_too_few(reference, len(inputs), len(counts), rules)]
    held = inputs.loc[counts.index]
    differences = [*_columns(reference, held, counts), *_answers(reference, answers.loc[counts.index], counts)]
    adjusted = stats.false_discovery_control([one.p for one in differences]) if differences else []
    found = [_finding(one, float(p), rules) for one, p in zip(differences, adjusted, strict=True)]
    return found + _unwatched(reference, held)


def _columns(reference: Reference, held: pd.DataFrame, counts: pd.Series) -> Iterator[_Difference]:
    modalities, now, was = reference.columns.modalities(), reference.describe(held), reference.rows
    for name in now:
        measure, _, column = str(name).partition(":")
        if measure == "weekday" and not _spans_a_week(held[column]):
            continue
        if difference := _difference(now[name], counts, was[name], was[COUNT]):
            yield _Difference(column, modalities[column], measure, *difference)


def _answers(reference: Reference, now: pd.DataFrame, counts: pd.Series) -> Iterator[_Difference]:
    """Predictions and routes; not how sure they are, for a model may be surer of those it was trained on, who come back."""
    was = reference.answers
    for name in ("prediction", "route"):
        if name in was and name in now:
            form = said(now[name], pd.api.types.is_numeric_dtype(was[name]))
            if difference := _difference(form, counts, was[name], was[COUNT]):
                yield _Difference(name, "answers", "distribution", *difference)


def _difference(now: pd.Series, counts: pd.Series, was: pd.Series, were: pd.Series) -> tuple[float, float, str] | None:
    """Probability, effect and words; None where nothing can be compared."""
    if pd.api.types.is_bool_dtype(was):
        now, was = now.map(MISSING), was.map(MISSING)
    shares = Shares.of(now, counts, was, were)
    if shares is None:
        return None
    return by_number(shares) if pd.api.types.is_numeric_dtype(was) else by_label(shares)


def _finding(one: _Difference, p: float, rules: Monitoring) -> Finding:
    alarm = p <= rules.false_alarms and one.effect >= rules.min_effect
    like = "is not what it was" if alarm else "is as it was"
    what = f"the answers' {one.column}" if one.modality == "answers" else f"{one.measure} of {one.column}"
    sentence = f"{what} {like}: {one.told} (distance {one.effect:.2f}, {rules.min_effect:g} matters; p = {p:.2g})"
    figures: dict[str, float | str | None]
    figures = {"column": one.column, "modality": one.modality, "measure": one.measure, "effect": one.effect, "p": p}
    column, measure = ("answers", one.column) if one.modality == "answers" else (one.column, one.measure)
    return Finding("drift", f"drift of {column}: {measure}", alarm, sentence, figures)


def _too_few(reference: Reference, rows: int, entities: int, rules: Monitoring) -> Finding:
    sentence = (
        f"{rows} answers to {entities} different {reference.entity} tell nothing of drift, "
        f"expected at least {rules.min_rows} different ones (monitoring.min_rows)"
    )
    return Finding("drift", "drift: rows", False, sentence, {"rows": float(rows), "entities": float(entities)})


def _unwatched(reference: Reference, held: pd.DataFrame) -> list[Finding]:
    """What the window does not let anybody see."""
    found = []
    for column, modality in reference.columns.modalities().items():
        if column not in held:
            measure, why = "values", "is not watched, for the log does not keep it"
        elif modality == "dates" and not _spans_a_week(held[column]):
            measure, why = "weekday", "is not watched by its weekdays, for the window has less than a week of them"
        else:
            continue
        figures: dict[str, float | str | None]
        figures = {"column": column, "modality": modality, "measure": measure, "effect": None, "p": None}
        found.append(Finding("drift", f"drift of {column}: {measure}", False, f"{column} {why}", figures))
    if reference.entity not in held:
        sentence = f"{reference.entity} is not in the log, so rows of one are taken for rows of many, and alarm too easily"
        found.append(Finding("drift", "drift: entities", False, sentence))
    return found


def _spans_a_week(moments: pd.Series) -> bool:
    return bool(moments.max() - moments.min() >= WEEK)
