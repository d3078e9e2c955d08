"""The league as seen by one request: facts known at the clock's instant, with fault rules applied."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of
from nba_pipeline.sandbox.boxscores import Boxscore, PlayerGame
from nba_pipeline.sandbox.contents import (
    FIELD_ALIASES,
    GAME_QUOTE_FAULTS,
    QUOTE_FAULTS,
    AnyQuote,
    apply_correction,
    is_player,
    selected_rows,
)
from nba_pipeline.sandbox.faults import CONTENT_ACTIONS, Rule, parse_time
from nba_pipeline.sandbox.injuries import InjuryStatement, reported_dates, with_news
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.sandbox.lines import GameQuote, Quote
from nba_pipeline.sandbox.play_by_play import actions
from nba_pipeline.sandbox.play_by_play.action_log import Action
from nba_pipeline.sandbox.play_by_play.tally import rewind
from nba_pipeline.sandbox.roster import roster
from nba_pipeline.sandbox.snapshots import FINAL, LIVE, SCHEDULED, BoxscoreSnapshot, GameSnapshot

LATE_REASON = "Injury/Illness - N/A; Illness"


class View:
    """The league as seen by one request. `fired` collects the rules that changed the response."""

    def __init__(self, league: League, now: datetime, rules: Sequence[Rule] = ()) -> None:
        self.league = league
        self.now = now
        self.rules = [rule for rule in rules if rule.action in CONTENT_ACTIONS]
        self.fired: set[Rule] = set()

    def season_games(self, season: str, at: datetime | None = None) -> Iterator[GameSnapshot]:
        """Yields all listed games of a season."""
        return self._snapshots(self.league.season(season).games, at)

    def games(self, day: date, at: datetime | None = None) -> list[GameSnapshot]:
        """Returns the listed games of an Eastern date by tip-off, including games moved to it."""
        season = self.league.season(season_of(day))
        is_any_moved = any(rule.action == "move_date" for rule in self.rules)
        candidates = season.games if is_any_moved else season.by_date.get(day, ())
        snapshots = (snapshot for snapshot in self._snapshots(candidates, at) if snapshot.game_date == day)
        return sorted(snapshots, key=lambda snapshot: (snapshot.tipoff_at, snapshot.game.game_id))

    def game(self, game_id: str) -> GameSnapshot | None:
        """Returns the game with this id, None if not listed."""
        game = self.league.game(game_id)
        return self.snapshot_of(game, self.now) if game else None

    def event(self, event_id: str, at: datetime) -> GameSnapshot | None:
        """Returns the game of an odds event, None if hidden. Also searches the adjacent season near its boundary."""
        for day in (eastern_date(at), eastern_date(at) + timedelta(days=3), eastern_date(at) - timedelta(days=3)):
            game = self.league.season(season_of(day)).by_event.get(event_id)
            if game:
                return self.snapshot_of(game, at)
        return None

    def snapshot_of(self, game: Game, at: datetime) -> GameSnapshot | None:
        """Returns a game at an instant, None if a rule hides it."""
        if not self.rules:
            return self._build_snapshot(game, at, game.tipoff_at, game.game_date, ())
        rules = [rule for rule in self.rules if rule.concerns(game.game_id)]
        tipoff_at, day = game.tipoff_at, game.game_date
        for rule in rules:
            if rule.action == "drop_game":
                self.fired.add(rule)
                return None
            if rule.action == "move_date":
                self.fired.add(rule)
                tipoff_at = _moved(tipoff_at, rule)
                day = eastern_date(tipoff_at)
        return self._build_snapshot(game, at, tipoff_at, day, rules)

    def score(self, snapshot: GameSnapshot) -> tuple[int, int]:
        """Returns the points of home and away as shown."""
        if snapshot.state == SCHEDULED:
            return 0, 0
        is_corrected = any(
            is_player(rule.parameter("player"), player)
            for rule in self._rules("correct_stat", snapshot)
            for team in snapshot.game.teams
            for player in roster()[team]
        )
        home, away = snapshot.game.score
        if snapshot.state == LIVE or is_corrected:
            home, away = (sum(row.points for row in rows) for rows in self._corrected(snapshot))
        for rule in self._rules("wrong_total", snapshot):
            self.fired.add(rule)
            is_away = rule.parameter("team") in ("A", "away", snapshot.game.teams[1])
            home, away = (home, away + rule.parameter("delta")) if is_away else (home + rule.parameter("delta"), away)
        return home, away

    def box(self, snapshot: GameSnapshot) -> BoxscoreSnapshot | None:
        """Returns the box score, None before tip-off and for a postponed game."""
        if snapshot.state == SCHEDULED:
            return None
        true = self._corrected(snapshot)
        home, away = (self._displayed_rows(snapshot, side, [replace(row) for row in true[side]]) for side in (0, 1))
        return BoxscoreSnapshot((home, away), true)

    def actions(self, snapshot: GameSnapshot) -> tuple[Action, ...]:
        """Returns the actions so far, none before tip-off. Rules on players and statistics change only the box score."""
        if snapshot.state == SCHEDULED:
            return ()
        final = actions(self.league, snapshot.game)
        return final if snapshot.state == FINAL else tuple(a for a in final if a.elapsed <= snapshot.seconds_played)

    def period_scores(self, snapshot: GameSnapshot) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the points of home and away per started period."""
        if snapshot.state == FINAL:
            return snapshot.game.period_scores
        points = Counter[tuple[int | None, int]]()
        for action in self.actions(snapshot):
            points[action.side, action.period] += action.points
        home, away = (tuple(points[side, number] for number in range(1, snapshot.period + 1)) for side in (0, 1))
        return home, away

    def quotes(self, snapshot: GameSnapshot, at: datetime, commence_at: datetime) -> list[Quote]:
        """Returns the player_points quotes at an instant. Without a rule that adds them, no quotes exist in play."""
        quotes = self.league.lines(snapshot.game, at, snapshot.tipoff_at)
        if at >= snapshot.tipoff_at and not self._rules("inplay_odds", snapshot):
            return []
        for rule in self.rules:
            if rule.concerns(snapshot.game.game_id) and rule.action in QUOTE_FAULTS:
                quotes = self._faulty_quotes(rule, quotes, commence_at)
        return quotes

    def game_quotes(self, snapshot: GameSnapshot, at: datetime, commence_at: datetime) -> list[GameQuote]:
        """Returns the spread, total and winner quotes at an instant, after line rules without a player."""
        quotes = self.league.game_lines(snapshot.game, at, snapshot.tipoff_at)
        if at >= snapshot.tipoff_at and not self._rules("inplay_odds", snapshot):
            return []
        for rule in self.rules:
            if rule.concerns(snapshot.game.game_id) and rule.action in GAME_QUOTE_FAULTS:
                quotes = self._faulty_quotes(rule, quotes, commence_at)
        return quotes

    def injuries(self, snapshot: GameSnapshot, side: int, at: datetime) -> list[InjuryStatement] | None:
        """Returns a club's injury statements about a game, None before it has submitted its report."""
        statements = self.league.injuries(snapshot.game, snapshot.tipoff_at, snapshot.game_date)[side].statements(at)
        for rule in self._rules("late_news", snapshot):
            if statements is not None and _is_side(rule, snapshot, side):
                statements = self._with_late_news(rule, statements, snapshot.game.teams[side], at)
        for rule in self._rules("rename_player", snapshot):
            if statements and _is_side(rule, snapshot, side):
                statements = [self._renamed(rule, statement) for statement in statements]
        return statements

    def reported_games(self, at: datetime) -> list[GameSnapshot]:
        """Returns the games on the injury report of an instant, by tip-off."""
        return [snapshot for day in reported_dates(at) for snapshot in self.games(day, at) if not snapshot.is_postponed]

    def _with_late_news(self, rule: Rule, statements: list[InjuryStatement], team: str, at: datetime) -> list[InjuryStatement]:
        """Adds the statement of a `late_news` rule to reports from its instant on."""
        since = parse_time(rule.parameter("at"), "at")
        player = next((player for player in roster()[team] if is_player(rule.parameter("player"), player)), None)
        if player is None or at < since:
            return statements
        self.fired.add(rule)
        reason = rule.parameter("reason", LATE_REASON)
        news = InjuryStatement(player, player.first_name, player.family_name, rule.parameter("injury_status"), reason, since)
        return with_news(statements, news)

    def _renamed(self, rule: Rule, statement: InjuryStatement) -> InjuryStatement:
        if not is_player(rule.parameter("player"), statement.player):
            return statement
        self.fired.add(rule)
        first_name, _, family_name = rule.parameter("to").partition(" ")
        return replace(statement, first_name=first_name, family_name=family_name)

    def _snapshots(self, games: Iterable[Game], at: datetime | None) -> Iterator[GameSnapshot]:
        instant = at or self.now
        for game in games:
            snapshot = self.snapshot_of(game, instant)
            if snapshot:
                yield snapshot

    def _rules(self, action: str, snapshot: GameSnapshot) -> list[Rule]:
        return [rule for rule in self.rules if rule.action == action and rule.concerns(snapshot.game.game_id)]

    def _build_snapshot(self, game: Game, at: datetime, tipoff_at: datetime, day: date, rules: Sequence[Rule]) -> GameSnapshot:
        length = self.league.game_length
        state = SCHEDULED if at < tipoff_at else LIVE if at < tipoff_at + length else FINAL
        is_postponed, status = False, state
        for rule in rules:
            if rule.action == "postpone":
                self.fired.add(rule)
                is_postponed, state, status = True, SCHEDULED, SCHEDULED
            elif rule.action == "stale_status" and status > rule.parameter("status", LIVE):
                self.fired.add(rule)
                status = rule.parameter("status", LIVE)
        progress = 0.0 if state == SCHEDULED else 1.0 if state == FINAL else (at - tipoff_at) / length
        return GameSnapshot(game, tipoff_at, day, state, status, is_postponed, progress)

    def _corrected(self, snapshot: GameSnapshot) -> Boxscore:
        """Returns the current rows after `correct_stat` rules."""
        box = self.league.boxscore(snapshot.game)
        if snapshot.state == LIVE:
            rewind(box, self.actions(snapshot), snapshot.progress)
        for rule in self._rules("correct_stat", snapshot):
            field, units = FIELD_ALIASES.get(rule.parameter("field"), (rule.parameter("field"), 1))
            for row in self._rows_of(rule, snapshot, box):
                if is_player(rule.parameter("player"), row.player) and isinstance(getattr(row, field, None), int):
                    self.fired.add(rule)
                    apply_correction(row, field, units * rule.parameter("delta"))
        return box

    def _rows_of(self, rule: Rule, snapshot: GameSnapshot, box: Boxscore) -> Iterator[PlayerGame]:
        for side in (0, 1):
            if _is_side(rule, snapshot, side):
                yield from box[side]

    def _displayed_rows(self, snapshot: GameSnapshot, side: int, rows: list[PlayerGame]) -> list[PlayerGame]:
        for rule in self.rules:
            if not rule.concerns(snapshot.game.game_id) or not _is_side(rule, snapshot, side):
                continue
            if rule.action == "empty_players":
                self.fired.add(rule)
                rows = []
            elif rule.action in ("drop_players", "duplicate_players"):
                places = selected_rows(rule, rows)
                if places:
                    self.fired.add(rule)
                copies = [replace(rows[i]) for i in places]
                remaining = [row for i, row in enumerate(rows) if i not in places]
                rows = rows + copies if rule.action == "duplicate_players" else remaining
            elif rule.action == "rename_player":
                for row in rows:
                    if is_player(rule.parameter("player"), row.player):
                        self.fired.add(rule)
                        row.name = rule.parameter("to")
                        row.first_name, _, row.family_name = row.name.partition(" ")
        return rows

    def _faulty_quotes(self, rule: Rule, quotes: list[AnyQuote], commence_at: datetime) -> list[AnyQuote]:
        """Returns the quotes after applying one rule."""
        books, player = rule.parameter("book"), rule.parameter("player")
        is_affected = [
            (books is None or quote.book in (books if isinstance(books, list) else [books]))
            and (player is None or (isinstance(quote, Quote) and is_player(player, quote.player)))
            for quote in quotes
        ]
        if not any(is_affected):
            return quotes
        self.fired.add(rule)
        changed: list[AnyQuote] = []
        for quote, affected in zip(quotes, is_affected, strict=True):
            changed += QUOTE_FAULTS[rule.action](rule, quote, commence_at) if affected else [quote]
        return changed


def _moved(tipoff_at: datetime, rule: Rule) -> datetime:
    local = tipoff_at.astimezone(EASTERN)
    if rule.parameter("days") is not None:
        return (local + timedelta(days=rule.parameter("days"))).astimezone(tipoff_at.tzinfo)
    moved = parse_time(rule.parameter("to"), "to")
    if len(str(rule.parameter("to"))) == len("2024-03-15"):
        moved = datetime.combine(moved.date(), local.time(), EASTERN)
    return moved.astimezone(tipoff_at.tzinfo)


def _is_side(rule: Rule, snapshot: GameSnapshot, side: int) -> bool:
    names = ("H", "home") if side == 0 else ("A", "away")
    return rule.parameter("team") in (None, *names, snapshot.game.teams[side])
