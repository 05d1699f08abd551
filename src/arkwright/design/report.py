"""A design as one HTML page: totals, drawings, findings and assumptions. Nothing is loaded from
elsewhere; it follows the reader's light or dark scheme and prints on paper.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.blueprint import Assumption, Finding, Severity
from arkwright.design.drawing.svg import THEME, clean

_STYLE = (
    THEME
    + """
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1040px;margin:0 auto;padding:32px 40px 64px}
h1{font-size:26px;line-height:1.2;margin:0}
h2{font-size:19px;margin:48px 0 4px;padding-top:16px;border-top:2px solid var(--ink)}
h3{font-size:14px;margin:28px 0 8px}
p{margin:4px 0;max-width:80ch}.soft{color:var(--soft)}
.totals{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));
border-top:1px solid var(--rule);border-left:1px solid var(--rule);margin:20px 0}
.totals div{padding:10px 12px;border-right:1px solid var(--rule);
border-bottom:1px solid var(--rule)}
.totals b{display:block;font-size:19px;font-weight:600;line-height:1.3}
.totals span{color:var(--soft);font-size:12px;display:block;line-height:1.35}
nav{margin:12px 0}nav a{margin-right:16px}a{color:var(--c0)}
figure{margin:20px 0;padding-top:12px;border-top:1px solid var(--rule);overflow-x:auto}
figure svg{display:block;width:100%;height:auto;min-width:640px}
.pair{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(400px,100%),1fr));gap:0 28px}
.pair figure svg{min-width:0;max-width:560px}
.said{margin:18px 0;padding:0;list-style:none;max-width:84ch}
.said li{margin:0 0 7px;padding-left:14px;border-left:3px solid var(--c0)}
.said li:first-child{font-size:17px;line-height:1.4;font-weight:600}
.table{overflow-x:auto}
figcaption{color:var(--soft);font-size:12.5px;margin-top:6px;max-width:96ch}
table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;font-weight:600;color:var(--soft)}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top;
overflow-wrap:break-word;min-width:84px}
td.n,th.n{text-align:right}td.n,td.w{white-space:nowrap}
.warning{color:var(--c4);font-weight:600}
details summary{cursor:pointer;font-weight:600;margin:28px 0 8px}
@media(max-width:600px){main{padding:20px 14px 48px}h1{font-size:22px}nav a{display:inline-block}
.totals{grid-template-columns:repeat(2,1fr)}.totals b{font-size:17px;overflow-wrap:anywhere}}
@media print{body{font-size:11px}table{font-size:10px}main{max-width:none;padding:0}
.table,figure{overflow:visible}figure svg{min-width:0}
th,td{min-width:0;padding:3px 9px 3px 0}td.n,td.w{white-space:normal}
figure,tr,.totals{break-inside:avoid}h3,th,tr:first-child{break-after:avoid}
.totals{grid-template-columns:repeat(5,1fr)}.totals b{font-size:15px}
h2{break-before:page}h2.first{break-before:auto}nav{display:none}}
@page{margin:16mm}
"""
)

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_NUMBER = re.compile(r"[0-9][0-9.,]*")


class Total(Struct, frozen=True, kw_only=True):
    """One figure of the header, with its unit, and what it is counted on."""

    value: str
    title: str
    basis: str = ""


class Figure(Struct, frozen=True, kw_only=True):
    """A drawing with the words below it."""

    name: str
    """Of its file where drawings are written apart, for example `narvik-hall-h1`."""
    svg: str
    caption: str = ""
    is_half: bool = False
    """Half as wide: drawn beside the next one where there is room."""


class Table(Struct, frozen=True, kw_only=True):
    """Rows of text; columns named in `right` are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()
    unbroken: tuple[str, ...] = ()
    """Columns whose cells stay on one line."""


class SiteView(Struct, frozen=True, kw_only=True):
    """One site of the page."""

    name: str
    words: str
    totals: tuple[Total, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]


class Report(Struct, frozen=True, kw_only=True):
    """The whole page."""

    title: str
    words: str
    totals: tuple[Total, ...]
    sites: tuple[SiteView, ...]
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]
    said: tuple[str, ...] = ()
    """What to read first, a sentence each, the most important one first."""


def page(report: Report) -> str:
    """One self-contained HTML document."""
    body = [
        f"<h1>{clean(report.title)}</h1>",
        f'<p class="soft">{clean(report.words)}</p>',
        _said(report.said),
        _totals(report.totals),
        _contents(report),
        *(_site(site, is_first=not number) for number, site in enumerate(report.sites)),
        _findings(report.findings),
        _assumptions(report.assumptions),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{clean(report.title)}</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _said(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{clean(sentence)}</li>" for sentence in sentences)
    return f'<ul class="said">{items}</ul>' if items else ""


def _totals(totals: Sequence[Total]) -> str:
    boxes = [
        f"<div><span>{clean(t.title)}</span><b>{clean(t.value)}</b><span>{clean(t.basis)}</span>"
        "</div>"
        for t in totals
    ]
    return f'<section class="totals">{"".join(boxes)}</section>'


def _contents(report: Report) -> str:
    links = [f'<a href="#{_anchor(site)}">{clean(site.name)}</a>' for site in report.sites]
    links.append(f'<a href="#findings">findings ({len(report.findings)})</a>')
    links.append(f'<a href="#assumptions">assumptions ({len(report.assumptions)})</a>')
    return f"<nav>{''.join(links)}</nav>"


def _anchor(site: SiteView) -> str:
    return clean(site.name.replace(" ", "-"))


def _site(site: SiteView, *, is_first: bool) -> str:
    kind = ' class="first"' if is_first else ""
    parts = [
        f'<h2 id="{_anchor(site)}"{kind}>{clean(site.name)}</h2>',
        f'<p class="soft">{clean(site.words)}</p>',
        _totals(site.totals) if site.totals else "",
    ]
    for is_half, group in itertools.groupby(site.figures, key=lambda figure: figure.is_half):
        drawn = "\n".join(_figure(figure) for figure in group)
        parts.append(f'<div class="pair">{drawn}</div>' if is_half else drawn)
    parts += [f"<h3>{clean(t.title)}</h3>{_table(t)}" for t in site.tables]
    return "\n".join(parts)


def _figure(figure: Figure) -> str:
    caption = f"<figcaption>{clean(figure.caption)}</figcaption>" if figure.caption else ""
    return f"<figure>{figure.svg}{caption}</figure>"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return '<h2 id="findings">Findings</h2><p>None.</p>'
    ordered = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
    rows = []
    for finding, more in folded(ordered):
        name = f"{finding.severity.value} {finding.rule}".rstrip()
        where = finding.where + (f" and {more:,} more places" if more else "")
        kind = ' class="warning"' if finding.severity is not Severity.NOTE else ""
        rows.append(
            f"<tr><td{kind}>{clean(name)}</td><td>{clean(where)}</td>"
            f'<td>{clean(finding.text)}</td><td class="soft">{clean(finding.source)}</td></tr>'
        )
    head = "<tr><th></th><th>Where</th><th>What</th><th>Source</th></tr>"
    table = f'<div class="table"><table>{head}{"".join(rows)}</table></div>'
    return f'<h2 id="findings">Findings</h2>{table}'


def folded(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """Findings that differ only in their place and numbers once, with how many more there are."""
    first: dict[tuple[Severity, str, str, str], Finding] = {}
    more: dict[tuple[Severity, str, str, str], int] = {}
    for finding in findings:
        site = finding.where.partition("/")[0]
        shape = _NUMBER.sub("#", finding.text.replace(finding.where, "…"))
        key = (finding.severity, finding.source, site, shape)
        more[key] = more.get(key, -1) + 1
        first.setdefault(key, finding)
    return [(finding, more[key]) for key, finding in first.items()]


def _assumptions(assumptions: Sequence[Assumption]) -> str:
    rows = tuple((a.where, a.name, a.value, a.source) for a in assumptions)
    columns = ("Where", "What", "Value", "Source, date, grade")
    table = _table(Table(title="", columns=columns, rows=rows))
    words = "What the file did not say, and what stands in its place."
    return f'<h2 id="assumptions">Assumptions</h2><p class="soft">{words}</p>{table}'


def _table(table: Table) -> str:
    kinds = [_kind(table, column) for column in table.columns]
    head = "".join(f"<th{k}>{clean(c)}</th>" for c, k in zip(table.columns, kinds, strict=True))
    rows = [
        "".join(f"<td{k}>{clean(cell)}</td>" for cell, k in zip(row, kinds, strict=True))
        for row in table.rows
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def _kind(table: Table, column: str) -> str:
    if column in table.right:
        return ' class="n"'
    return ' class="w"' if column in table.unbroken else ""
