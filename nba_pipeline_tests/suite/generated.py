"""The files that are generated from the definitions. `make generated` writes them all; a test of each compares it.

nba_pipeline_tests/suite/public_strings.txt   what stored data, run history, scripts and dashboards match
nba_pipeline_tests/graph.txt                  the graph, jobs, schedules and sensors
nba_pipeline/tables/catalog.json              tables, views and checks for commands that import no table
nba_pipeline/cli/glossary.json                the words of docs/glossary.md for `nba-pipeline help`
docs/data-dictionary.md                       every table with its columns
docs/configuration.md                         the table of the providers' addresses
README.md, nba_pipeline/__init__.py           the drawing of the tables
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import wrap

import nba_pipeline
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import PROVIDER_ADDRESSES
from nba_pipeline.tables.declarations import STAGES, declared
from nba_pipeline_tests import test_definitions
from nba_pipeline_tests.cli import test_explanations
from nba_pipeline_tests.suite import test_data_dictionary, test_public_strings
from nba_pipeline_tests.tables import test_catalog

PACKAGE = Path(nba_pipeline.__file__).parent
WIDTH = 113
"""Characters of the names of a line, so that a line has at most 130."""

DRAWN = (PACKAGE.parent / "README.md", PACKAGE / "__init__.py")
CONFIGURATION = PACKAGE.parent / "docs" / "configuration.md"
ADDRESSES = re.compile(r"(^\| provider \| variable \|.*\n\|---.*\n)(?:\|.*\n)+", re.MULTILINE)
DRAWING = re.compile(rf"(?:^    (?:{'|'.join(STAGES)})  .*\n)+", re.MULTILINE)


def tables_by_stage() -> str:
    """Draws the tables in pipeline order, a stage per line."""
    lines = []
    for stage in STAGES:
        names = "   ".join(name for name, one in declared().items() if one.stage == stage)
        lines += [f"    {stage:13}{part}" for part in wrap(names, WIDTH)]
    return "\n".join(lines) + "\n"


def with_drawing(text: str) -> str:
    """Returns a text with its drawing of the tables replaced."""
    return DRAWING.sub(lambda _: tables_by_stage(), text, count=1)


def with_addresses(text: str) -> str:
    """Returns a text with its table of the providers' addresses replaced."""
    lines = [f"| `{provider}` | `{variable}` | `{address}` |\n" for provider, (variable, address) in PROVIDER_ADDRESSES.items()]
    return ADDRESSES.sub(lambda found: found[1] + "".join(lines), text, count=1)


def contents() -> Mapping[Path, Callable[[], str]]:
    """Returns each file with the function that makes its content."""
    return {
        test_public_strings.SNAPSHOT: lambda: "\n".join(sorted(set(test_public_strings.public_strings()))) + "\n",
        test_definitions.GRAPH: lambda: test_definitions.drawing(build_definitions("sandbox")) + "\n",
        test_catalog.FILE: lambda: json.dumps(test_catalog.generated(), indent=1, ensure_ascii=False) + "\n",
        test_data_dictionary.PAGE: lambda: "\n".join(test_data_dictionary.data_dictionary()) + "\n",
        test_explanations.GLOSSARY_FILE: lambda: (
            json.dumps(test_explanations.documented_words(), indent=1, ensure_ascii=False) + "\n"
        ),
        CONFIGURATION: lambda: with_addresses(CONFIGURATION.read_text(encoding="utf-8")),
        **{path: lambda path=path: with_drawing(path.read_text(encoding="utf-8")) for path in DRAWN},
    }


if __name__ == "__main__":
    for file, content in contents().items():
        file.write_text(content(), encoding="utf-8")
