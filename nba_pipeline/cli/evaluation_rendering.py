"""The report of an evaluation on the terminal."""

from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.evaluation.evaluate import Report
from nba_pipeline.evaluation.records import GROUPS
from nba_pipeline.evaluation.report import WARNINGS, Section, footnote, sections


def print_report(report: Report, is_verbose: bool = False) -> None:
    """Print the notes, the tables of the whole period, with `is_verbose` those of its groups too, and the hashes."""
    for note in report.notes:
        print_line(note, style="red" if note.startswith(WARNINGS) else None)
    for section in sections(report):
        if is_verbose or not section.is_detail:
            _print(section)
    print_line(footnote())
    if not is_verbose:
        print_line(f"-v adds the tables by {', '.join(GROUPS[1:])}, and the closing lines; so does --format html.")
    print_line(f"manifest {report.manifest}: SHA-256 {report.sha256}, with all models {report.chain_sha256}")


def _print(section: Section) -> None:
    table = RichTable(title=section.title, title_justify="left")
    for number, name in enumerate(section.head):
        table.add_column(name, justify="left" if number < section.names else "right")
    for row in section.rows:
        table.add_row(*row)
    out.print(table)
