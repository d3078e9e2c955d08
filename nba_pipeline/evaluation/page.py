"""The report as one HTML file. It loads no other file: styles and plots are inline."""

from collections.abc import Sequence
from html import escape

from nba_pipeline.evaluation.evaluate import Report
from nba_pipeline.evaluation.plots import plots
from nba_pipeline.evaluation.report import WARNINGS, Section, footnote, sections

TABLES_BEFORE_THE_PLOTS = 3
STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1e23; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .3rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #e3e6ea; text-align: right; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; white-space: normal; }
th.name, td.name { text-align: left; }
.wide { overflow-x: auto; }
.warning { background: #fdecea; border-left: 4px solid #c62828; padding: .5rem .8rem; margin: .4rem 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(32rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; } svg { width: 100%; height: auto; }
.small { color: #5b6470; font-size: 12px; overflow-wrap: anywhere; }
""".strip()


def page(report: Report) -> str:
    """Returns the HTML. Equal reports give equal bytes."""
    header = report.header
    title = f"Evaluation of {header['market']}, {header['from']} to {header['to']}"
    figures = [f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>" for name, svg in plots(report).items()]
    tables = [_table(section) for section in sections(report)]
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(_note(note) for note in report.notes),
        *tables[:TABLES_BEFORE_THE_PLOTS],
        f'<p class="small">{escape(footnote())}</p>',
        f'<h2>Plots</h2><div class="plots">{"".join(figures)}</div>',
        *tables[TABLES_BEFORE_THE_PLOTS:],
        f'<h2>Manifest</h2><p class="small">SHA-256 {report.sha256}, with all models {report.chain_sha256}. '
        f"Code {header['code_sha256']}. Search trials: {header['search_trials']}. "
        f"Training rule: {escape(header['training_rule'])}.</p>",
    ]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _note(note: str) -> str:
    return f'<p class="{"warning" if note.startswith(WARNINGS) else "note"}">{escape(note)}</p>'


def _table(section: Section) -> str:
    kinds = ["name" if number < section.names else "number" for number in range(len(section.head))]
    head = "".join(f'<th class="{kind}">{escape(name)}</th>' for kind, name in zip(kinds, section.head, strict=True))
    rows = "".join(f"<tr>{_cells(kinds, row)}</tr>\n" for row in section.rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>{escape(section.title)}</h2><div class="wide">{table}</div>'


def _cells(kinds: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))
