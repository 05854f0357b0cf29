"""The page: one file that needs no network, runs no script, and is as readable on a phone as on paper."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .figures import Figure
from .plots import svg

STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 84rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
.decision { font-size: 1.2rem; max-width: 60rem }
.box { overflow-x: auto; margin-bottom: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #8886 }
th:first-child, :is(th, td):last-child { text-align: left }
td:last-child { white-space: normal; min-width: 16rem }
.best { font-weight: bold }
main { columns: 22rem; column-gap: 2rem }
figure { break-inside: avoid; margin: 0 0 2rem }
h1 { font-size: 1.6rem }
h2 { font-size: 1.1rem; margin: 0 }
img { max-width: 100%; width: 30rem; background: white }
@media (prefers-color-scheme: dark) { img { filter: invert(.93) hue-rotate(180deg) } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
COLUMNS = ("model", "score", "gain over the dummy", "calibration error", "kB", "p95, ms", "what is held against it")


def page(title: str, decision: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """The whole page; whatever comes from data is escaped."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="decision">{escape(sentence(decision))}</p>\n{_table(decision)}\n<main>\n'
        f"{''.join(map(_figure, figures))}</main>\n</body>\n</html>\n"
    )


def sentence(decision: Mapping[str, Any]) -> str:
    """What was decided, and why."""
    version, champion = decision["version"], decision["champion"]
    if version and decision["promoted"]:
        what = f"Model {version} ({decision['best']}) answers"
    elif champion:
        what = f"Model {champion} goes on answering"
    else:
        what = f"No model answers{f', and model {version} is kept' if version else ''}"
    return f"{what}: {decision['why']}."


def _table(decision: Mapping[str, Any]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    rows = []
    for one in decision["candidates"]:
        cells = [_span(one["score"], one["low"], one["high"]), _span(one["gain"], one["gain_low"], one["gain_high"])]
        cells += [_number(one["calibration_error"]), _number(one["kilobytes"], 0), _number(one["p95_ms"], 1)]
        cells.append("; ".join(one["refused"]))
        mark = ' class="best"' if one["name"] == decision["best"] else ""
        told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr{mark}><th scope="row">{escape(one["name"])}</th>{told}</tr>\n')
    caption = f"By {decision['metric']}, with intervals of {100 * decision['confidence']:g} %; the chosen model is bold."
    return (
        f'<p id="models">{escape(caption)}</p>\n<div class="box" role="region" aria-labelledby="models" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody></table></div>"
    )


def _figure(figure: Figure) -> str:
    data = b64encode(svg(figure.draw, figure.height)).decode()
    return (
        f'<figure><h2>{escape(figure.title)}</h2><img alt="{escape(figure.alt)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>\n"
    )


def _span(value: float | None, low: float | None, high: float | None) -> str:
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or value != value else f"{round(value, digits) + 0:.{digits}f}"  # -0.0 + 0 is 0
