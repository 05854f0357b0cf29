"""The page: one file that needs no network, runs no script, and is as readable on a phone as on paper."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .figures import Figure
from .plots import svg

STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 84rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
.lead { font-size: 1.2rem; max-width: 60rem }
.box { overflow-x: auto; margin-bottom: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; vertical-align: top; border-bottom: 1px solid #8886 }
th:first-child, .words { text-align: left }
td.words { white-space: normal; min-width: 9rem }
td:not(.words) + td.words { min-width: min(16rem, 60vw) }
.bold { font-weight: bold }
.figures { columns: 22rem; column-gap: 2rem }
figure { break-inside: avoid; margin: 0 0 2rem }
h1 { font-size: 1.6rem }
h2 { font-size: 1.1rem; margin: 0 }
img { max-width: 100%; width: 30rem; background: white }
@media (prefers-color-scheme: dark) { img { filter: invert(.93) hue-rotate(180deg) } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Table:
    """Rows of words, each with a name first.

    Args:
        caption: what the rows are.
        columns: their heads.
        rows: cells, in the order of the columns.
        bold: names of the rows that stand out.
        words: how many of the last columns hold sentences; the others hold numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    bold: frozenset[str] = frozenset()
    words: int = 1


def page(title: str, lead: str, table: Table, figures: Sequence[Figure]) -> str:
    """The whole page: what there is to say in a sentence, then a table, then plots; whatever comes from data is escaped."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f'<p class="lead">{escape(lead)}</p>\n{_table(table)}\n<div class="figures">\n'
        f"{''.join(map(_figure, figures))}</div>\n</main>\n</body>\n</html>\n"
    )


def _table(table: Table) -> str:
    numbers = len(table.columns) - table.words
    forms = ["" if place < numbers else ' class="words"' for place in range(len(table.columns))]
    head = "".join(f'<th scope="col"{form}>{escape(name)}</th>' for form, name in zip(forms, table.columns, strict=True))
    rows = []
    for name, *cells in table.rows:
        mark = ' class="bold"' if name in table.bold else ""
        told = "".join(f"<td{form}>{escape(cell)}</td>" for form, cell in zip(forms[1:], cells, strict=True))
        rows.append(f'<tr{mark}><th scope="row">{escape(name)}</th>{told}</tr>\n')
    return (
        f'<p id="rows">{escape(table.caption)}</p>\n'
        '<div class="box" role="region" aria-labelledby="rows" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody></table></div>"
    )


def _figure(figure: Figure) -> str:
    data = b64encode(svg(figure.draw, figure.height)).decode()
    return (
        f'<figure><h2>{escape(figure.title)}</h2><img alt="{escape(figure.alt)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>\n"
    )
