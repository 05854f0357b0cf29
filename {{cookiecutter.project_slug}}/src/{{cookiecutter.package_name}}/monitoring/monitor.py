"""The monitor: everything that is looked at, put together, written down, and told to whoever wants to be."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock

from .. import fitness, prediction_log, registry, replay
from ..bundle import Bundle, reference_of
from ..card import CARD
from ..data.schema import categories, conform
from ..feature_store.catalog import StoreError
from ..feature_store.store import FeatureStore
from ..model.persistence import BundleError
from ..reference import Reference
from ..refusal import Refusal
from ..settings import Settings
from . import agreement, alerts, quality, scoring, staleness, traffic
from .alerts import Alert, Undelivered
from .drift import drift
from .finding import Finding
from .page import Seen, page

FOLDER, LOOKS = "monitoring", "looks"
MOST = 20_000  # answers of a window, the newest


@dataclass(frozen=True)
class Outcome:
    """What a look has found.

    Args:
        model: the version that answers.
        findings: all of them.
        told: what began and what is over since the last look; nothing of a look back.
        page: where it is shown.
        undelivered: why the webhook did not take the alerts.
    """

    model: str
    findings: tuple[Finding, ...]
    told: tuple[Alert, ...]
    page: Path
    undelivered: Undelivered | None = None

    @property
    def alarms(self) -> list[Finding]:
        """What asks for attention."""
        return [finding for finding in self.findings if finding.alarm]


def monitored(
    settings: Settings, root: Path, now: dt.datetime, look_back: bool = False, environment: Mapping[str, str] = os.environ
) -> Outcome:
    """Look at the answers of the window that ends now, write down what is found, and tell what is new.

    Args:
        settings: of the project.
        root: its folder.
        now: the end of the window, with its zone.
        look_back: look only: nobody is told, and nothing is asked of `due`.
        environment: where the webhook's URL is.

    Raises:
        Refusal: no model answers, or something cannot be read.
    """
    version = registry.current_version(root / registry.FOLDER)
    if version is None:
        raise Refusal("no model is promoted, so nothing answers that could be monitored; train one with `make run`")
    now = now.astimezone(dt.UTC)
    folder = root / FOLDER / LOOKS / f"{now:%Y%m%dT%H%M%SZ}" if look_back else root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(root / FOLDER / ".lock"):
        bundle = registry.load(root / registry.FOLDER, version, settings.model.saved_as)
        findings, seen = looked(settings, root, bundle, now)
        since, metric = now - dt.timedelta(hours=settings.monitoring.hours), settings.gate.metric
        told = {"format": 1, "model": version, "since": since.isoformat(), "until": now.isoformat()}
        told |= {"alarms": sum(one.alarm for one in findings), "findings": [asdict(one) for one in findings]}
        periods = [{"label": label, **asdict(score)} for label, score in seen.periods]
        told |= {
            "metric": metric,
            "periods": periods,
            "answers_by_hour": {f"{at:%Y-%m-%dT%H:%MZ}": int(n) for at, n in seen.counts.items()},
        }
        _write(folder / "report.json", json.dumps(told, indent=1, ensure_ascii=False))
        _write(folder / "report.html", page(version, since, now, findings, seen, metric))
        outcome = Outcome(version, tuple(findings), (), folder / "report.html")
        return outcome if look_back else _told(outcome, settings, folder, now, environment)


def looked(settings: Settings, root: Path, bundle: Bundle, now: dt.datetime) -> tuple[list[Finding], Seen]:
    """Everything that is looked at, and what its plots are made of."""
    rules, card, folder = settings.monitoring, bundle.card, root / settings.logging.folder
    window = dt.timedelta(hours=rules.hours)
    given = prediction_log.read(folder, now - (traffic.EARLIER + 2) * window, now, columns=("at", "variant", "source"))
    given = given[given["variant"] != "shadow"]
    last = prediction_log.read(folder, None, now, last=1, columns=("at",))["at"]
    promoted = _changed(root / registry.FOLDER / registry.CURRENT)
    findings = [traffic.absence(None if last.empty else last.iloc[0].to_pydatetime(), promoted, now, rules)]
    findings += traffic.volume(given["at"], now, rules)
    findings += traffic.burst(given.loc[given["source"] != "batch", "at"], now, rules)

    log = prediction_log.read(folder, now - window, now, last=MOST)
    own = log[(log["model"] == card.version) & (log["variant"] != "shadow")].reset_index(drop=True)
    findings += traffic.repeats(own, rules) + agreement.replayed(own, bundle, folder)
    findings += agreement.routed(own, bundle, folder, rules, settings.gate.confidence)
    reference, why = _reference(root, card.version)
    inputs, answers = compared(own, bundle, folder)
    if reference is None:
        findings.append(Finding("drift", "drift: reference", False, why))
    elif len(inputs):
        findings += drift(reference, inputs, answers, rules)

    labelled = scoring.labelled(folder, [card.version], settings.feedback.learn_from, now)
    scored = scoring.scored(labelled, bundle, folder, settings.gate.metric)
    findings += quality.quality(scored.of(quality.latest(labelled, now, rules)), card, rules, settings.gate)
    periods = quality.periods(scored, card, settings.gate, rules.min_labels)

    findings.append(staleness.model_age(_changed(root / registry.FOLDER / card.version / CARD), now, rules))
    findings += _stored(settings, root, bundle, now) + staleness.delay(labelled)
    counts = traffic.by_hour(given["at"], now, rules.hours)
    return findings, Seen(counts, periods, reference, inputs, answers)


def compared(log: pd.DataFrame, bundle: Bundle, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What drift is sought in: what the model read of each answer, with the entity, and what it said and found out.

    What the log does not keep is absent: private columns, and pictures unless all of them were kept.
    """
    card = bundle.card
    masked = {name for names in log["masked"] for name in names}
    visible = [name for name in card.columns.names if name not in masked]
    frame = replay.restored(log, visible, card.columns.image, folder)
    if len(frame) < len(log):
        frame = replay.restored(log, [name for name in visible if name not in card.columns.image], (), folder)
    inputs = conform(frame, card.columns.modalities())
    if log["key"].notna().all():
        inputs = inputs.assign(**{card.data.entity: categories(log["key"])})
    said = [
        (answer["prediction"], None if answer.get("route_source") == "given" else answer.get("route"))
        for answer in log["answer"]
    ]
    return inputs, pd.DataFrame(said, log.index, ["prediction", "route"]).loc[inputs.index]


def _told(outcome: Outcome, settings: Settings, folder: Path, now: dt.datetime, environment: Mapping[str, str]) -> Outcome:
    """Tell what is new, and leave for `due` what asks for a run; a webhook that takes nothing stops none of it."""
    state = alerts.read_state(folder)
    told = alerts.changes(state, outcome.findings, outcome.model, now)
    state = alerts.keep(folder, state, told, settings.monitoring)
    asks = {kind: _asks(outcome.alarms, kind) for kind in ("drift", "quality")}
    _write(folder / "state.json", json.dumps({"version": outcome.model, **asks}, indent=1, ensure_ascii=False))
    undelivered = None
    try:
        alerts.deliver(folder, state, settings.monitoring, environment)
    except Undelivered as error:
        undelivered = error
    return Outcome(outcome.model, outcome.findings, tuple(told), outcome.page, undelivered)


def _asks(alarms: Sequence[Finding], kind: str) -> str | None:
    """What asks for a run, in one sentence that is not too long."""
    told = [finding.sentence for finding in alarms if finding.kind == kind]
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    return "; ".join(told[:3]) + more if told else None


def _reference(root: Path, version: str) -> tuple[Reference | None, str]:
    try:
        return reference_of(root / registry.FOLDER / version), ""
    except BundleError as error:
        return None, str(error)


def _stored(settings: Settings, root: Path, bundle: Bundle, now: dt.datetime) -> list[Finding]:
    store = FeatureStore(settings.features.folder(root))
    try:
        views = fitness.fits(bundle.card, settings, root)
        if views:
            fitness.check_store(bundle.card, store)
        newest = store.newest_events() if views else {}
    except BundleError as error:
        return [Finding("staleness", "fit", True, str(error))]
    except StoreError as error:
        return [Finding("staleness", "store", True, str(error))]
    return staleness.stored(views, newest, now)


def _changed(path: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
