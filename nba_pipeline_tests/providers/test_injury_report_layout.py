"""The layout of an injury report: broken documents. `test_injury_report` tests complete ones."""

import random
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from nba_pipeline.providers.injury_report_layout import NoReport, layout_of
from nba_pipeline_tests.builders_injuries import a_first_entry, a_report

REPORT = a_report([a_first_entry()])


def test_a_layout_has_an_instant_and_rows() -> None:
    layout = layout_of(REPORT, max_pages=1)
    assert layout.printed_at == ("03/12/24", "05:30", "PM")
    assert [row["Player Name"] for row in layout.rows] == ["Curry, Stephen"]


NUMBERS = (b"99999999999999999999", b"-1", b"0", b"1e400", b"", b"[1 2]", b"/Name", b"null", b"(x)", b"3 0 R")
NAMES = (b"/X", b"/Kids", b"/Filter /LZWDecode /X", b"/Filter /ASCIIHexDecode /X", b"/Encrypt 1 0 R /X", b"/MediaBox [a] /X")
MARKS = (b"", b"<<", b">>", b"[", b"]", b"(", b"stream", b"null")


def broken(body: bytes, chance: random.Random) -> bytes:
    """Returns a document that is cut off, garbled or partly replaced, but ends like a complete one."""

    def replaced(pattern: bytes, choices: Sequence[bytes]) -> bytes:
        places = [match.span() for match in re.finditer(pattern, body)]
        start, end = chance.choice(places or [(0, 0)])
        return body[:start] + chance.choice(choices) + body[end:]

    first, last = sorted(chance.sample(range(len(body)), 2))
    flipped = bytes(byte ^ (chance.randrange(1, 256) if chance.random() < 0.01 else 0) for byte in body)
    document = chance.choice(
        [
            b"",
            body[:first],
            flipped,
            body[: body.find(b"xref")],
            body[:first] + body[last:],
            b"<html>Access denied</html>",
            replaced(rb"\d+", NUMBERS),
            replaced(rb"/[A-Za-z]+", NAMES),
            replaced(rb"<<|>>|\[|\]|\(|stream|endobj|trailer", MARKS),
        ]
    )
    return document + b"\n%%EOF\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # pdfminer's warnings about defects that it tolerates
def test_a_broken_document_is_readable_or_raises_no_report() -> None:
    chance, problems = random.Random(11), Counter[str]()
    for _ in range(200):
        try:
            layout_of(broken(REPORT, chance), max_pages=9)
        except NoReport as error:
            problems[str(error).split("the PDF ")[-1].split(":")[0]] += 1
            assert "cannot be read" not in str(error) or isinstance(error.__cause__, Exception)
    assert {"cannot be read (PDFSyntaxError)", "cannot be read (PSSyntaxError)", "cannot be read (TypeError)"} <= set(problems)
