"""Every name in the documents exists, and every public name is documented."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from nba_pipeline import cli, environments
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import PROVIDER_ADDRESSES
from nba_pipeline.instance.secret_manager import ADDRESS_VARIABLE
from nba_pipeline.sandbox import faults
from nba_pipeline.settings import Settings
from nba_pipeline.tables import catalog
from nba_pipeline_tests.suite.generated import CONFIGURATION, DRAWN, tables_by_stage, with_addresses, with_drawing
from nba_pipeline_tests.suite.test_public_strings import SNAPSHOT

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKE = re.compile(r"\bmake((?: +[A-Z0-9]+=\S+)*(?: +[a-z][a-z-]*)+)")
COMMAND = re.compile(r"\bnba-pipeline +([a-z].*)")
OPTION = re.compile(r"(?<!\S)--[a-z-]+")
VARIABLE = re.compile(r"(?<!\.)\b[A-Z]+_[A-Z_]+\b")


def prose(text: str) -> str:
    """A document without its code blocks."""
    return INDENTED.sub("\n", FENCE.sub("", text))


def code(text: str) -> Iterator[str]:
    """The lines of the code blocks of a document, and its inline code with line breaks as spaces; without comments."""
    for block in [*FENCE.findall(text), *INDENTED.findall(FENCE.sub("", text))]:
        yield from (line.split(" # ")[0] for line in block.splitlines())
    yield from (span.replace("\n", " ") for span in INLINE.findall(prose(text)))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(FENCE.sub("", text)))
    return {title.strip().replace(" ", "-") for title in titles}


def broken_links(document: Path) -> Iterator[str]:
    """The relative links of a document whose file or anchor does not exist."""
    for target in LINK.findall(prose(document.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if "://" in target:
            continue
        if not file.exists():
            yield f"{target}: there is no {path}"
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{target}: {file.name} has no heading #{anchor}"


def unknown_targets(document: Path, targets: set[str]) -> set[str]:
    """The make targets that a document names and the Makefile does not have."""
    named = {
        term for line in code(document.read_text(encoding="utf-8")) for terms in MAKE.findall(line) for term in terms.split()
    }
    return {term for term in named if "=" not in term} - targets


def unknown_commands(document: Path, command: click.Command) -> Iterator[str]:
    """The commands and options that a document names and the command line does not have."""
    for line in code(document.read_text(encoding="utf-8")):
        for text in COMMAND.findall(line):
            group, terms = command, text.split()
            while terms and hasattr(group, "commands"):
                term = terms.pop(0)
                if term not in group.commands:
                    yield f"nba-pipeline {text}: there is no command {term}"
                    break
                group = group.commands[term]
            else:
                option_names = {name for parameter in group.params for name in parameter.opts} | {"--help"}
                options = OPTION.findall(re.sub(r'"[^"]*"?', "", text))
                yield from (
                    f"nba-pipeline {text}: there is no option {option}" for option in options if option not in option_names
                )


def leaves(command: click.Command, name: str = "nba-pipeline") -> Iterator[str]:
    """Yields the full name of every command that is not a group."""
    children = getattr(command, "commands", {})
    for child in children.values():
        yield from leaves(child, f"{name} {child.name}")
    if not children:
        yield name


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture
def command() -> click.Command:
    return typer.main.get_command(cli.app)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(document: Path) -> None:
    assert list(broken_links(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(document: Path) -> None:
    assert unknown_targets(document, makefile_targets()) == set()


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines() if len(line.split()) > 1} == makefile_targets(), (
        "a target needs ## text"
    )


def test_hosted_ci_runs_make_targets_that_exist() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"run: make (.+)", workflow))
    assert named == {"lint", "test", "test-platform", "test-unattended", "test-bigquery", "test-postgres"}
    assert named <= makefile_targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_options_exist(document: Path, command: click.Command) -> None:
    assert list(unknown_commands(document, command)) == []


@pytest.mark.parametrize("file", DRAWN, ids=lambda path: path.name)
def test_every_table_is_drawn(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert tables_by_stage() in text and with_drawing(text) == text, "run `make generated`"


def test_every_address_of_a_provider_is_documented() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    assert "| `espn` | `ESPN_URL` |" in text and with_addresses(text) == text, "run `make generated`"


def test_every_command_is_documented(command: click.Command) -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    missing = [name for name in leaves(command) if not re.search(rf"`{name}\b", text)]
    assert missing == [], "docs/commands.md needs a row for each"


def test_every_environment_variable_is_documented() -> None:
    named = {*VARIABLE.findall(Path(environments.__file__).read_text(encoding="utf-8")), *environments.SECRETS, ADDRESS_VARIABLE}
    constants = {name for name in vars(environments) if name.isupper()}
    documented = set(INLINE.findall((ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")))
    assert named - constants - documented == set(), "docs/configuration.md needs a row for each"


def names_to_document() -> Iterator[tuple[str, set[str]]]:
    """Page -> the names that it should have in inline code."""
    fields = {f"match.{name}" for name in faults.ANY_MATCH} | (faults.ANY_RULE - {"match"})
    parameters = {name for some in faults.ACTIONS.values() for names in some for name in names}
    yield "sandbox.md", fields | faults.ACTIONS.keys() | parameters | faults.CORRECTABLE
    yield "configuration.md", {type(section).__name__ for section in vars(Settings()).values()} | PROVIDER_ADDRESSES.keys()
    served = build_definitions("sandbox").get_repository_def()
    alerts = re.findall(r"^alert kind: '(.+)'$", SNAPSHOT.read_text(encoding="utf-8"), re.MULTILINE)
    yield "automation.md", {one.name for one in (*served.schedule_defs, *served.sensor_defs)} | set(alerts)


def test_every_fault_setting_schedule_sensor_and_alert_is_documented() -> None:
    for page, names in names_to_document():
        spans = " ".join(INLINE.findall((ROOT / "docs" / page).read_text(encoding="utf-8")))
        missing = {name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", spans)}
        assert missing == set(), f"docs/{page} needs a row for each"


def test_a_broken_link_an_unknown_target_and_an_unknown_command_are_reported(tmp_path: Path, command: click.Command) -> None:
    document = tmp_path / "page.md"
    document.write_text(
        "# A page\n\n[here](#a-page) [there](#b-page) [file](none.md) `make tset` `nba-pipeline run --day D`\n\n"
        "    make PYTHON=python3.13 demo lnit  # make nothing\n    nba-pipeline audit leaks\n"
    )
    assert list(broken_links(document)) == ["#b-page: page.md has no heading #b-page", "none.md: there is no none.md"]
    assert unknown_targets(document, {"demo"}) == {"tset", "lnit"}
    assert set(unknown_commands(document, command)) == {
        "nba-pipeline run --day D: there is no option --day", "nba-pipeline audit leaks: there is no command leaks",
    }  # fmt: skip


def test_every_view_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in catalog.views() if f"| `{name}` |" not in text] == []
