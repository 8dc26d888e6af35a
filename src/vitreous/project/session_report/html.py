"""A report as one HTML file that needs nothing else: styles, figures and pictures are inside it, no scripts."""

from __future__ import annotations

import base64
import re
from html import escape

from vitreous.project.session_report.blocks import (
    Block,
    Code,
    Facts,
    Figures,
    GraphFigure,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Text,
)
from vitreous.project.session_report.charts import svg

SIZES = {1: (10.6, 3.2), 2: (5.3, 2.1), 3: (3.5, 2.0)}
"""Figures in a row → inches of each."""

STYLE = """
:root{--ink:#1f2933;--soft:#52606d;--line:#e4e7eb;--accent:#0b6e99}
*{box-sizing:border-box}
body{margin:0;background:#f5f7fa;color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
header{background:#102a43;color:#fff;padding:28px 40px}header h1{margin:0;font-size:26px;font-weight:600}
header p{margin:4px 0 0;color:#bcccdc}
nav{max-width:1180px;margin:16px auto 0;padding:0 24px;font-size:14px}nav a{display:inline-block;margin-right:14px}
main{max-width:1180px;margin:0 auto;padding:16px 24px 28px}
section{background:#fff;border:1px solid var(--line);border-radius:8px;padding:20px 24px;margin-bottom:20px}
h2{margin:0 0 14px;font-size:19px}h3{margin:18px 0 6px;font-size:15px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
th{text-align:left;font-weight:600;color:var(--soft);font-size:12.5px;padding:5px 10px 5px 0;
border-bottom:2px solid var(--line);vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:5px 10px 5px 0;vertical-align:top;overflow-wrap:anywhere}
th.n,td.n{text-align:right;white-space:nowrap}
.figures{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr))}
.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr))}
.one{grid-template-columns:1fr}
.figures svg{width:100%;height:auto;display:block}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:12px;align-items:start;
margin:10px 0}
.pictures figure{margin:0}.pictures img{width:100%;display:block}
.pictures figcaption{font-size:12.5px;color:var(--soft);overflow-wrap:anywhere}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:10px;margin:0 0 14px}
.numbers div{border-left:3px solid var(--accent);padding:2px 10px}
.numbers b{display:block;font-size:19px;font-weight:600}.numbers span{font-size:12.5px;color:var(--soft)}
p{margin:6px 0;max-width:78em}.note{color:var(--soft);font-size:13.5px}
pre{background:#f5f7fa;border:1px solid var(--line);padding:10px 12px;overflow:auto;max-height:420px;font-size:12.5px;
white-space:pre-wrap;overflow-wrap:anywhere}
summary{cursor:pointer;font-weight:600;font-size:14px}details{margin:8px 0}
footer{color:var(--soft);text-align:center;padding:0 0 30px;font-size:13px}a{color:var(--accent)}
@media print{body{background:#fff;font-size:10.5pt}header{background:none;color:var(--ink);padding:0 0 8px;
border-bottom:2px solid var(--ink)}header p{color:var(--soft)}nav,details{display:none}
main{padding:8px 0;max-width:none}
section{border:0;border-radius:0;padding:6px 0;break-inside:auto}h2,h3{break-after:avoid}
.figures{grid-template-columns:1fr 1fr}.three{grid-template-columns:1fr 1fr 1fr}.one{grid-template-columns:1fr}
.figures>div,.pictures figure,tr{break-inside:avoid}pre{max-height:none;border:0}.scroll{overflow:visible}
.pictures{grid-template-columns:1fr 1fr 1fr}@page{size:A4;margin:16mm}}
"""


def html_of(report: Report) -> str:
    """The whole page."""
    sections = "".join(_section(section) for section in report.sections)
    links = " ".join(f'<a href="#{_anchor(section.title)}">{escape(section.title)}</a>' for section in report.sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<header><h1>{escape(report.title)}</h1><p>{escape(report.subtitle)}</p></header>"
        f'<nav aria-label="Parts of the report">{links}</nav><main>{sections}</main>'
        f"<footer>{escape(report.subtitle)}</footer></body></html>\n"
    )


def _section(section: Section) -> str:
    blocks = "".join(_block(block) for block in section.blocks)
    return f'<section id="{_anchor(section.title)}"><h2>{escape(section.title)}</h2>{blocks}</section>'


def _anchor(title: str) -> str:
    return "part-" + (re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-") or "x")


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f'<p class="note">{escape(block.text)}</p>' if block.quiet else f"<p>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        parts = "".join(
            f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for value, what in block.entries
        )
        return f'<div class="numbers">{parts}</div>'
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figures):
        return _figures(block)
    if isinstance(block, Pictures):
        parts = "".join(_picture(entry) for entry in block.entries)
        return f'<div class="pictures">{parts}</div>'
    return _code(block)


def _picture(entry: Picture) -> str:
    title, data = escape(entry.title), base64.b64encode(entry.png).decode()
    return f'<figure><img alt="{title}" src="data:image/png;base64,{data}"><figcaption>{title}</figcaption></figure>'


def _table(block: Table) -> str:
    numeric = [name.startswith("#") for name in block.head]
    head = "".join(
        f'<th scope="col"{" class=n" if number else ""}>{escape(name.removeprefix("#"))}</th>'
        for name, number in zip(block.head, numeric, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=n' if number else ''}>{escape(cell)}</td>" for cell, number in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    title = f"<h3>{escape(block.title)}</h3>" if block.title else ""
    return f'{title}<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _figures(block: Figures) -> str:
    parts = []
    for entry in block.entries:
        width, height = SIZES[block.across]
        if isinstance(entry, GraphFigure):
            height = max(1.2, 0.8 * (max(node.row for node in entry.nodes) + 1))
        parts.append(f"<div>{svg(entry, width, height)}</div>")
    kind = {1: "figures one", 2: "figures", 3: "figures three"}[block.across]
    return f'<div class="{kind}">{"".join(parts)}</div>'


def _code(block: Code) -> str:
    text = f"<pre>{escape(block.text)}</pre>"
    if block.folded:
        return f"<details><summary>{escape(block.title)}</summary>{text}</details>"
    return f"<h3>{escape(block.title)}</h3>{text}"
