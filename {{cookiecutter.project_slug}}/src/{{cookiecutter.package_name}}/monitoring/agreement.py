"""Agreement: whether the model gives its answers again, and finds out the segments that it was told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .. import replay
from ..bundle import Bundle
from ..data.schema import shown
from ..gate import agreement
from ..intervals import Interval
from ..operations import Monitoring
from .finding import Finding
from .quality import loss
from .scoring import who

SAMPLE = 200  # answers that are given again


def replayed(log: pd.DataFrame, bundle: Bundle, folder: Path) -> list[Finding]:
    """Whether a sample of answers comes out as it was logged; nothing where none can be given again.

    Args:
        log: answers of this bundle.
        bundle: gave them.
        folder: of the log.
    """
    sample = log.iloc[np.unique(np.linspace(0, len(log) - 1, SAMPLE).astype(int))] if len(log) else log
    again = replay.replayed(bundle, sample, folder)
    if again.empty:
        return []
    differences = replay.differences(sample, again)
    others = int(differences["id"].nunique())
    sentence = f"answers of {len(again)} that come out otherwise when given again: {others}"
    if others:
        first = differences.iloc[0]
        sentence += (
            f"; of {first['id']} the {first['field']} was {shown(first['logged'])}, and is {shown(first['replayed'])} now: "
        )
        sentence += "what answers is not what was trained, see its libraries and machine"
    return [Finding("traffic", "replay", others > 0, sentence, {"answers": len(again), "others": others})]


def routed(log: pd.DataFrame, bundle: Bundle, folder: Path, rules: Monitoring, confidence: float) -> list[Finding]:
    """Whether the router would have found out the segments that it was told, as often as on the test rows.

    Args:
        log: answers of this bundle; those of which the segment was given count, if they are enough.
        bundle: without routes there is nothing to find.
        folder: of the log.
        rules: of the settings.
        confidence: with which it is less often.
    """
    routes = getattr(bundle.pipeline[-1], "routes_", [])
    told = log[[answer.get("route_source") == "given" for answer in log["answer"]]]
    inputs, segments = replay.inputs_of(told, bundle.card, folder) if routes and len(told) else (pd.DataFrame(), None)
    known = segments[segments.isin(routes)] if segments is not None else pd.Series(dtype=object)
    if len(known) < rules.min_rows:
        return []
    found = bundle.answerer.answers(inputs.loc[known.index], None)["route"]
    share = agreement(known, found, who(log), confidence)
    figures: dict[str, float | str | None] = {"rows": len(known), "share": share.value, "low": share.low, "high": share.high}
    sentence = f"of {len(known)} given segments the router finds out {_percent(share)}"
    if bundle.card.measured is None or bundle.card.measured.routed is None:
        return [Finding("drift", "routes", False, sentence, figures)]
    before = Interval(*bundle.card.measured.routed)
    worse = loss(share, before, greater_is_better=True, confidence=confidence, looks=1)
    alarm = worse.low > rules.min_effect
    sentence += f", of those of the test rows it was {_percent(before)}"
    if alarm:
        sentence += "; chance does not explain that: who sends them means something else by them, or rows have changed"
    figures |= {"tested": before.value, "loss": worse.value, "loss_low": worse.low, "loss_high": worse.high}
    return [Finding("drift", "routes", alarm, sentence, figures)]


def _percent(share: Interval) -> str:
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"
