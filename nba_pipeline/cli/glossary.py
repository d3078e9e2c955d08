"""The words of `docs/glossary.md`, for `nba-pipeline help`.

`make generated` writes `glossary.json` from the document, because an installed package has no documents.
"""

import json
from functools import cache
from importlib.resources import files

FILE = "glossary.json"


@cache
def glossary() -> dict[str, str]:
    """Returns word -> meaning."""
    words: dict[str, str] = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return words
