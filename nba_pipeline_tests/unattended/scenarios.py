"""The fault scenarios as nights: the fault, the instants, and the expected output of the platform.

A fault is injected where it happens: in the responses of the sandbox's server, in the files of the home, by a killed process,
or by the clock and its time zone. A control is a harmless case that resembles the fault: it raises no alert and loses no data.
"""

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl

from nba_pipeline.completeness.next_steps import KEPT, boxscores_step
from nba_pipeline_tests.unattended.nights import (
    DAY,
    NEXT,
    Rule,
    Scenario,
    games,
    on_day,
    on_next,
)

BEFORE, YESTERDAY = date(2026, 1, 14), [game.game_id for game in games(date(2026, 1, 14))]
FIRST, SECOND, THIRD = (game.game_id for game in games())
LINED = "Ignatius Hartigan"
"""A player of the first game with lines."""
ALL = frozenset({FIRST, SECOND, THIRD})
NIGHT = (on_day(23, 15), on_next(1, 30))
NO_LINES: Rule = {"match": {"provider": "odds_api", "path": "events$"}, "action": "status", "status": 200, "body": "[]"}


def partition(home: Path, table: str, day: date = DAY) -> Path:
    """The file of one date of a table."""
    return home / "tables" / table / f"game_date={day}" / "part.parquet"


def rewrite(file: Path, rows: pl.DataFrame) -> None:
    """Replaces a file, which may be a hard link of another home's file."""
    file.unlink()
    rows.write_parquet(file)


def no_boxscore(*games: str, until: str = "", status: int = 403) -> list[Rule]:
    """Rules that make the box scores of games unavailable at every provider."""
    for_now: Rule = {"until": until} if until else {}
    first = [{"match": {"path": f"boxscore_{game}"}, "action": "status", "status": status, **for_now} for game in games]
    other_providers = ("nba_stats", "balldontlie")
    return [
        *first,
        *({"game": list(games), "match": {"provider": name}, "action": "drop_game", **for_now} for name in other_providers),
    ]


def lose_yesterday(home: Path) -> None:
    """Deletes the box scores of the day before, and every response that has them."""
    partition(home, "boxscores", BEFORE).unlink()
    for folder in home.glob(f"landing/*/*/{BEFORE}"):
        if folder.parent.name not in ("events", "event_odds", "report", "injuries", "roster"):
            shutil.rmtree(folder)


def alter_a_grade(home: Path) -> None:
    """Changes one graded value of the day before."""
    file = partition(home, "grades", BEFORE)
    rewrite(file, pl.read_parquet(file).with_columns(pl.col("actual_value") + 1))


def lose_a_model(home: Path) -> None:
    """Names a model in the week's training that is not in the model store."""
    file, is_linear = partition(home, "points_model", date(2026, 1, 12)), pl.col("system_id") == "linear_median"
    lost = [
        pl.when(is_linear).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in (("model_id", "lost"), ("reason", None))
    ]
    rewrite(file, pl.read_parquet(file).with_columns(lost))


def forget_run_keys(home: Path) -> None:
    """Forgets which requests were executed, so that every event is delivered again."""
    file = home / "unattended.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "keys": [], "cursors": {}}))


def change_settings(home: Path) -> None:
    """Changes the settings below the running daemon."""
    (home / "settings.toml").write_text("[monitors]\nquarantine_hours = 23\n")


LINES_LATE, LINES_MISSING = ("lines_late", "prop_lines"), ("lines_missing", "prop_lines")
BOXSCORES_MISSING = ("boxscores_missing", "boxscores")
EXPLAIN_REQUESTS = {"broken": "boxscores, requests", "command": boxscores_step(DAY)}
PLAYED = {"summarized": ALL, "is_clean": True}

# fmt: off
SCENARIOS: dict[str, Scenario] = {
    "FS01": Scenario(
        "box scores are empty for two hours after the games", "evening", NIGHT, seen=1, state="EXPECTED",
        rules=[{"action": "empty_players", "until": "2026-01-16T00:30:00"}], **PLAYED,
    ),
    "control of FS01": Scenario(
        "no game is played", "morning", (on_day(13, 5), on_next(1, 30), on_next(6, 40)), state="EMPTY_OK", summarized=frozenset(),
        rules=[{"action": "postpone", "game": [FIRST, SECOND, THIRD]}], broken="schedule",
    ),
    "FS02": Scenario(
        "two of three box scores never arrive", "evening", (*NIGHT, on_next(7, 10), on_next(12, 10)), seen=3, state="FAILED",
        rules=no_boxscore(FIRST, SECOND), summarized=frozenset({THIRD}), **EXPLAIN_REQUESTS,
        alerts={("run_failed", f"slate {NEXT} upcoming_players"): True, BOXSCORES_MISSING: True},
    ),
    "control of FS02": Scenario(
        "an optional source has no data", "evening", NIGHT, summarized=ALL,
        rules=[{"match": {"path": "playbyplay"}, "action": "status", "status": 403}],
    ),
    "FS04": Scenario(
        "the source of lines answers with an empty list", "history", (on_day(11, 45), on_day(13, 5)), state="DEGRADED",
        rules=[NO_LINES], broken="prop_lines, events", command=f"nba-pipeline run --date {DAY}", alerts={LINES_LATE: True},
    ),
    "FS05": Scenario(
        "lines are quoted during the games", "evening", NIGHT, rules=[{"action": "inplay_odds", "minutes": 10}], **PLAYED,
    ),
    "FS06": Scenario(
        "every event is delivered again, and rows are sent twice", "evening", NIGHT,
        rules=[{"action": "duplicate_players", "n": 2}], acts={NIGHT[1]: forget_run_keys}, **PLAYED,
    ),
    "FS08": Scenario(
        "a box score is not found at any provider", "evening", (*NIGHT, on_next(7, 10)), state="LATE",
        rules=no_boxscore(FIRST, status=404), summarized=frozenset(), **EXPLAIN_REQUESTS,
    ),
    "FS09": Scenario(
        "a source of lines has an unknown name for a player", "morning", (on_day(13, 5),), state="EXPECTED",
        rules=[{"match": {"provider": "odds_api"}, "action": "rename_player", "player": LINED, "to": "Zebulon Quartermain"}],
        alerts={("name_unresolved", "Zebulon Quartermain"): True},
    ),
    "FS10": Scenario(
        "every injury report is missing", "morning", (on_day(13, 5), on_day(16, 10)),
        rules=[{"match": {"provider": name}, "action": "status", "status": 500} for name in ("injury_report", "espn")],
        state="EXPECTED", broken="injuries", command=f"nba-pipeline run --date {DAY}",
    ),
    "FS12": Scenario(
        "the box scores of the day before are lost", "history", (on_day(11, 45), on_day(12, 15)), state="FAILED",
        rules=no_boxscore(*YESTERDAY), acts={on_day(11, 45): lose_yesterday},
        broken="gate the_last_slates_are_covered", command=boxscores_step(BEFORE),
        alerts={("run_failed", f"slate {DAY} upcoming_players"): True, BOXSCORES_MISSING: True},
    ),
    "FS13": Scenario(
        "a box score is five hours late", "evening", (*NIGHT, on_next(6, 50)), seen=2, state="EXPECTED",
        rules=no_boxscore(FIRST, until="2026-01-16T06:30:00"), **PLAYED,
    ),
    "FS14": Scenario(
        "lines arrive four hours after the predictions", "history", (on_day(11, 45), on_day(13, 5), on_day(16, 10)), seen=2,
        rules=[{**NO_LINES, "until": "2026-01-15T15:00:00"}], state="DEGRADED",
        broken="prop_lines, events", command=f"nba-pipeline run --date {DAY}", alerts={LINES_LATE: False},
    ),
    "FS16": Scenario(
        "box scores are empty when they are read again", "night", (on_next(6, 10),), rules=[{"action": "empty_players"}], **PLAYED,
        state="LATE", broken="boxscores", command=KEPT,
        alerts={("run_failed", f"overnight {DAY} boxscores"): True},
    ),
    "FS17": Scenario(
        "a field of a box score has another name", "evening", NIGHT, summarized=frozenset(), state="EXPECTED",
        rules=[
            {"match": {"path": f"boxscore_{FIRST}"}, "action": "rename_field", "field": "statistics", "to": "stats"},
            *no_boxscore(FIRST)[1:],
        ],
    ),
    "FS18": Scenario(
        "a grade is altered", "night", (on_next(3, 35),), acts={on_next(3, 35): alter_a_grade}, summarized=ALL,
        alerts={("ledger_altered", "grades"): True},
    ),
    "FS19": Scenario(
        "every line is withdrawn after the picks are published", "evening", (on_day(18, 58),), rules=[NO_LINES],
        state="EXPECTED",
    ),
    "FS20": Scenario(
        "the settings change while the daemon runs", "evening", NIGHT[:1], acts={NIGHT[0]: change_settings}, state="LATE",
        broken="schedule", command="restart the daemon", alerts={("run_failed", f"final_games {DAY} schedule"): True},
    ),
    "FS21": Scenario(
        "the file of a model is missing", "morning", (on_day(13, 5),), acts={on_day(13, 5): lose_a_model}, state="EXPECTED",
    ),
    "FS22": Scenario(
        "97 % of the credits of a provider are used", "morning", (on_day(13, 5),), state="EXPECTED",
        rules=[{**NO_LINES, "headers": {"x-requests-used": "19400", "x-requests-remaining": "600"}}],
        alerts={("quota_low", "odds_api"): True},
    ),
    "FS23": Scenario(
        "a game is postponed before its tip-off", "morning", (on_day(13, 5), *NIGHT), summarized=frozenset({SECOND, THIRD}),
        rules=[{"action": "postpone", "game": FIRST, "from": "2026-01-15T12:30:00"}],
    ),
    "FS25": Scenario(
        "the key of the source of lines is revoked", "evening", (on_day(18, 57),), state="EXPECTED",
        rules=[{"match": {"provider": "odds_api"}, "action": "status", "status": 401}], alerts={LINES_MISSING: True},
    ),
    "control of FS04 FS05 FS08 FS09 FS10 FS13 FS14 FS17 FS23 FS25": Scenario(
        "retries, numbers as text, a suffix of a name, alternate lines, late news and a later tip-off are harmless", "morning",
        (on_day(13, 5), on_day(18, 54), *NIGHT), summarized=ALL,
        rules=[
            {"match": {"provider": "nba_cdn"}, "action": "status", "status": 503, "times": 2},
            {"match": {"path": "boxscore"}, "action": "stringify_numbers"},
            {"match": {"provider": "odds_api"}, "action": "rename_player", "player": LINED, "to": f"{LINED} Jr."},
            {"action": "alt_lines"},
            {"action": "late_news", "player": LINED, "injury_status": "Out", "at": "2026-01-15T18:40:00-05:00"},
            {"action": "move_date", "game": FIRST, "to": "2026-01-15T19:20:00-05:00", "from": "2026-01-15T12:30:00"},
        ],
    ),
    "control of FS03 FS06 FS11 FS12 FS15 FS16 FS18 FS19 FS20 FS21 FS22 FS24": Scenario(
        "nothing goes wrong until noon of the next day", "night", (on_next(3, 35), on_next(7, 10), on_next(12, 10)), **PLAYED,
    ),
}
# fmt: on
"""Name -> the night. `test_scenarios.py` has those of FS03, FS11, FS15 and FS24; `test_everything_killed.py` that of FS07."""
