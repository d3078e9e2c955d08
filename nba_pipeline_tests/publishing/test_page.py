"""The page is one file that loads nothing, escapes every value of a payload, and stays small."""

import re
from typing import Any

from nba_pipeline.publishing.documents import Graded, Performance, Record
from nba_pipeline.publishing.page import page
from nba_pipeline.publishing.plots import VALUE
from nba_pipeline.publishing.slate import slate_document
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of
from nba_pipeline_tests.publishing.test_slate import DAY, FORECASTS, NOON, PLAYED, PRICED, RECORD, rows

GRADE: dict[str, Any] = {
    "name": "Al Able",
    "team": "GSW",
    "market": "player_points",
    "system": "ensemble",
    "forecast": 20.0,
    "line": 20.5,
    "actual": 17,
}
HOSTILE = "<script>alert(1)</script>\"'&"


def test_a_hostile_name_is_text() -> None:
    html = page(slate_document(rows(predictions_of(FORECASTS[0] | {"player_name": HOSTILE})), "all", RECORD))
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in html


def test_the_page_loads_no_other_file() -> None:
    html = page(slate_document(rows(), "all", RECORD))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html) and "default-src 'none'" in html
    assert re.findall(r"<link[^>]*>", html) == ['<link rel="icon" href="data:,">']


def test_without_prices_the_page_has_no_column_of_lines() -> None:
    html = page(slate_document(rows(), "none", RECORD))
    assert "Lines and prices are not published." in html
    assert not [text for text in (">Line<", ">Edge<", "20.5", "fanduel") if text in html]


def test_the_record_has_n_and_its_interval() -> None:
    one: dict[str, Any] = {
        "system": "ensemble",
        "market": "player_points",
        "run_kind": "live",
        "graded": 90,
        "with_line": 80,
        "mae": 5.21,
    }
    one |= {
        "gap_to_line": 0.104,
        "gap_half_width": 0.018,
        "bets": 40,
        "hit_rate": 0.525,
        "hit_rate_low": 0.375,
        "hit_rate_high": 0.671,
    }
    record = Record(first=DAY, last=DAY, as_of=NOON, performance=[Performance(**one)])
    html = page(slate_document(rows(), "all", record))
    assert "+0.104 ± 0.018" in html and "52.5% (37.5% to 67.1%)" in html and "<td>80</td>" in html


def test_a_large_slate_stays_below_300_kb() -> None:
    players = [
        a_prediction("OVER", **PLAYED | PRICED | {"player_name": f"Player Name {number}"}, system_id=system, predicted_value=20.0, player_id=number,
                     standard_deviation=7.0, injury_status="questionable", reasons=["low_quality", "injury_unknown"])
        for number in range(1, 401)
        for system in ("moving_average", "catboost", "linear_median", "xgboost", "ensemble", "market_blend")
    ]  # fmt: skip
    html = page(slate_document(rows(predictions_of(*players)), "all", RECORD))
    assert html.count("<details>") == 400 and len(html.encode()) < 300_000


def test_equal_slates_give_equal_bytes() -> None:
    assert page(slate_document(rows(), "all", RECORD)) == page(slate_document(rows(), "all", RECORD))


BY_SYSTEM = [(1, "ensemble"), (1, "market_blend"), (2, "ensemble"), (3, "moving_average")]
"""Player and system. The second player has no line, and so no blended forecast. The third one has no forecast of a model."""


def test_the_page_says_whose_games_and_whose_forecasts_it_shows() -> None:
    real, simulated = (page(slate_document(rows(is_simulated=is_so), "all", RECORD)) for is_so in (False, True))
    assert "simulated league" in simulated and "simulated league" not in real
    assert "The forecasts are those of market_blend. " in real
    players = [a_prediction("PASS", **PLAYED | PRICED, system_id=system, player_id=number) for number, system in BY_SYSTEM]
    both = page(slate_document(rows(predictions_of(*players)), "all", RECORD))
    assert (
        "The forecasts are those of market_blend, or of ensemble, or of moving_average for players whom market_blend does not predict. "
        in both
    )


def test_the_page_says_which_system_may_become_a_pick() -> None:
    assert "No forecast is a pick." in page(slate_document(rows(), "all", RECORD))
    known, unknown = (page(slate_document(rows(champion=name), "all", RECORD)) for name in ("ensemble", None))
    assert "A pick: an actionable forecast of the champion, ensemble, that meets" in known
    assert "A pick: an actionable forecast of the champion that meets" in unknown


def test_numbers_of_another_market_have_their_unit() -> None:
    html = page(slate_document(rows(predictions_of(*FORECASTS, FORECASTS[1] | {"market": "player_rebounds"})), "all", RECORD))
    assert "Numbers without a unit are points." in html
    assert html.count("<td>Al Able<td>") == 1 and html.count("<td>Al Able (rebounds)<td>") == 1


def test_the_page_says_what_its_columns_mean_and_names_none_that_it_lacks() -> None:
    priced, unpriced = (page(slate_document(rows(), prices, RECORD)) for prices in ("all", "none"))  # type: ignore[arg-type]
    terms = [re.findall(r"<dt>(.*?)</dt>", html) for html in (priced, unpriced)]
    assert terms == [["Forecast", "Line", "Edge", "Call", "P(over)", "Range", "Actionable", "★"], ["Forecast", "Range"]]
    assert "only actionable" in priced and "only actionable" not in unpriced, "without prices, no forecast says whether it is"
    assert "The forecast minus the line." in priced and "Lines and prices are not published." in unpriced


def test_a_page_without_probabilities_has_no_column_of_them_and_says_why() -> None:
    slate = slate_document(rows(), "all", RECORD)
    lined = slate.players[0]
    unknown = lined.model_copy(update={"over_probability": None, "probability_reason": "not_calibrated"})
    without_line = unknown.model_copy(update={"line": None})
    groups = ([lined, unknown], [unknown, without_line], [without_line])
    pages = [page(slate.model_copy(update={"players": players})) for players in groups]
    assert [html.count(">P(over)</button>") for html in pages] == [1, 0, 0]
    assert [re.findall("P.over. is not shown: (.*?)</p>", html) for html in pages] == [
        [],
        ["not calibrated."],
        ["no player has a line."],
    ]


def test_a_plot_without_rows_has_a_reason() -> None:
    html = page(slate_document(rows(), "all", RECORD), {VALUE: ""})
    assert f"{VALUE} is not shown: no bet has a line that was captured when it was offered" in html and "<figure>" not in html


def test_a_player_without_a_line_is_no_pass() -> None:
    grades = [GRADE | {"outcome": outcome, "recommendation": call} for call, outcome in (("OVER", "LOSS"), ("PASS", "NO_BET"))]
    grades += [GRADE | {"outcome": "NO_BET", "recommendation": "NO_LINE", "line": None}] * 2
    graded = [Graded(**row, player_id=number) for number, row in enumerate(grades)]
    html = page(slate_document(rows(), "all", RECORD).model_copy(update={"yesterday": graded}))
    assert "<p>1 loss, 1 pass, 2 players without a line, mean error 3.00 over 4 players</p>" in html
