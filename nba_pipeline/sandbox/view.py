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
    chosen,
    correct,
    is_player,
)
from nba_pipeline.sandbox.faults import CONTENT_ACTIONS, Rule, parse_time
from nba_pipeline.sandbox.injuries import Said, reported_dates, with_news
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.sandbox.lines import GameQuote, Quote
from nba_pipeline.sandbox.play_by_play import actions
from nba_pipeline.sandbox.play_by_play.action_log import Action
from nba_pipeline.sandbox.play_by_play.tally import rewind
from nba_pipeline.sandbox.roster import roster
from nba_pipeline.sandbox.seen_game import FINAL, LIVE, SCHEDULED, SeenBox, SeenGame

LATE_REASON = "Injury/Illness - N/A; Illness"


class View:
    """The league as seen by one request. `fired` collects the rules that changed the response."""

    def __init__(self, league: League, now: datetime, rules: Sequence[Rule] = ()) -> None:
        self.league = league
        self.now = now
        self.rules = [rule for rule in rules if rule.action in CONTENT_ACTIONS]
        self.fired: set[Rule] = set()

    def season_games(self, season: str, at: datetime | None = None) -> Iterator[SeenGame]:
        """Yields all listed games of a season."""
        return self._seen(self.league.season(season).games, at)

    def games(self, day: date, at: datetime | None = None) -> list[SeenGame]:
        """Returns the listed games of an Eastern date by tip-off, including games moved to it."""
        season = self.league.season(season_of(day))
        is_any_moved = any(rule.action == "move_date" for rule in self.rules)
        pool = season.games if is_any_moved else season.by_date.get(day, ())
        seen = (game for game in self._seen(pool, at) if game.game_date == day)
        return sorted(seen, key=lambda game: (game.tipoff_at, game.game.game_id))

    def game(self, game_id: str) -> SeenGame | None:
        """Returns the game with this id, null if not listed."""
        game = self.league.game(game_id)
        return self.see(game, self.now) if game else None

    def event(self, event_id: str, at: datetime) -> SeenGame | None:
        """Returns the game of an odds event, null if hidden. Also searches the adjacent season near its boundary."""
        for day in (eastern_date(at), eastern_date(at) + timedelta(days=3), eastern_date(at) - timedelta(days=3)):
            game = self.league.season(season_of(day)).by_event.get(event_id)
            if game:
                return self.see(game, at)
        return None

    def see(self, game: Game, at: datetime) -> SeenGame | None:
        """Returns a game at an instant, null if a rule hides it."""
        if not self.rules:
            return self._at(game, at, game.tipoff_at, game.game_date, ())
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
        return self._at(game, at, tipoff_at, day, rules)

    def score(self, seen: SeenGame) -> tuple[int, int]:
        """Returns the points of home and away as shown."""
        if seen.state == SCHEDULED:
            return 0, 0
        is_corrected = any(
            is_player(rule.parameter("player"), player)
            for rule in self._rules("correct_stat", seen)
            for team in seen.game.teams
            for player in roster()[team]
        )
        home, away = seen.game.score
        if seen.state == LIVE or is_corrected:
            home, away = (sum(row.points for row in rows) for rows in self._corrected(seen))
        for rule in self._rules("wrong_total", seen):
            self.fired.add(rule)
            is_away = rule.parameter("team") in ("A", "away", seen.game.teams[1])
            home, away = (home, away + rule.parameter("delta")) if is_away else (home + rule.parameter("delta"), away)
        return home, away

    def box(self, seen: SeenGame) -> SeenBox | None:
        """Returns the box score, null before tip-off and for a postponed game."""
        if seen.state == SCHEDULED:
            return None
        true = self._corrected(seen)
        home, away = (self._shown(seen, side, [replace(row) for row in true[side]]) for side in (0, 1))
        return SeenBox((home, away), true)

    def actions(self, seen: SeenGame) -> tuple[Action, ...]:
        """Returns the actions so far, none before tip-off. Rules on players and statistics change only the box score."""
        if seen.state == SCHEDULED:
            return ()
        whole = actions(self.league, seen.game)
        return whole if seen.state == FINAL else tuple(a for a in whole if a.elapsed <= seen.seconds_played)

    def period_scores(self, seen: SeenGame) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the points of home and away per started period."""
        if seen.state == FINAL:
            return seen.game.period_scores
        points = Counter[tuple[int | None, int]]()
        for action in self.actions(seen):
            points[action.side, action.period] += action.points
        home, away = (tuple(points[side, number] for number in range(1, seen.period + 1)) for side in (0, 1))
        return home, away

    def quotes(self, seen: SeenGame, at: datetime, commence_at: datetime) -> list[Quote]:
        """Returns the player_points quotes at an instant. There are none in play unless a rule adds them."""
        quotes = self.league.lines(seen.game, at, seen.tipoff_at)
        inplay = self._rules("inplay_odds", seen)
        if at >= seen.tipoff_at and not inplay:
            return []
        for rule in self.rules:
            if rule.concerns(seen.game.game_id) and rule.action in QUOTE_FAULTS:
                quotes = self._faulty_quotes(rule, quotes, commence_at)
        return quotes

    def game_quotes(self, seen: SeenGame, at: datetime, commence_at: datetime) -> list[GameQuote]:
        """Returns the spread, total and winner quotes at an instant, after line rules without a player."""
        quotes = self.league.game_lines(seen.game, at, seen.tipoff_at)
        if at >= seen.tipoff_at and not self._rules("inplay_odds", seen):
            return []
        for rule in self.rules:
            if rule.concerns(seen.game.game_id) and rule.action in GAME_QUOTE_FAULTS:
                quotes = self._faulty_quotes(rule, quotes, commence_at)
        return quotes

    def injuries(self, seen: SeenGame, side: int, at: datetime) -> list[Said] | None:
        """Returns a club's injury statements about a game, null before it has submitted its report."""
        said = self.league.injuries(seen.game, seen.tipoff_at, seen.game_date)[side].said(at)
        for rule in self._rules("late_news", seen):
            if said is not None and _is_side(rule, seen, side):
                said = self._with_late_news(rule, said, seen.game.teams[side], at)
        for rule in self._rules("rename_player", seen):
            if said and _is_side(rule, seen, side):
                said = [self._renamed(rule, one) for one in said]
        return said

    def reported_games(self, at: datetime) -> list[SeenGame]:
        """Returns the games on the injury report of an instant, by tip-off."""
        return [seen for day in reported_dates(at) for seen in self.games(day, at) if not seen.is_postponed]

    def _with_late_news(self, rule: Rule, said: list[Said], team: str, at: datetime) -> list[Said]:
        """Adds the statement of a `late_news` rule to reports from its instant on."""
        since = parse_time(rule.parameter("at"), "at")
        player = next((player for player in roster()[team] if is_player(rule.parameter("player"), player)), None)
        if player is None or at < since:
            return said
        self.fired.add(rule)
        reason = rule.parameter("reason", LATE_REASON)
        news = Said(player, player.first_name, player.family_name, rule.parameter("injury_status"), reason, since)
        return with_news(said, news)

    def _renamed(self, rule: Rule, said: Said) -> Said:
        if not is_player(rule.parameter("player"), said.player):
            return said
        self.fired.add(rule)
        first_name, _, family_name = rule.parameter("to").partition(" ")
        return replace(said, first_name=first_name, family_name=family_name)

    def _seen(self, games: Iterable[Game], at: datetime | None) -> Iterator[SeenGame]:
        instant = at or self.now
        for game in games:
            seen = self.see(game, instant)
            if seen:
                yield seen

    def _rules(self, action: str, seen: SeenGame) -> list[Rule]:
        return [rule for rule in self.rules if rule.action == action and rule.concerns(seen.game.game_id)]

    def _at(self, game: Game, at: datetime, tipoff_at: datetime, day: date, rules: Sequence[Rule]) -> SeenGame:
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
        return SeenGame(game, tipoff_at, day, state, status, is_postponed, progress)

    def _corrected(self, seen: SeenGame) -> Boxscore:
        """Returns the current rows after `correct_stat` rules."""
        box = self.league.boxscore(seen.game)
        if seen.state == LIVE:
            rewind(box, self.actions(seen), seen.progress)
        for rule in self._rules("correct_stat", seen):
            field, units = FIELD_ALIASES.get(rule.parameter("field"), (rule.parameter("field"), 1))
            for row in self._rows_of(rule, seen, box):
                if is_player(rule.parameter("player"), row.player) and isinstance(getattr(row, field, None), int):
                    self.fired.add(rule)
                    correct(row, field, units * rule.parameter("delta"))
        return box

    def _rows_of(self, rule: Rule, seen: SeenGame, box: Boxscore) -> Iterator[PlayerGame]:
        for side in (0, 1):
            if _is_side(rule, seen, side):
                yield from box[side]

    def _shown(self, seen: SeenGame, side: int, rows: list[PlayerGame]) -> list[PlayerGame]:
        for rule in self.rules:
            if not rule.concerns(seen.game.game_id) or not _is_side(rule, seen, side):
                continue
            if rule.action == "empty_players":
                self.fired.add(rule)
                rows = []
            elif rule.action in ("drop_players", "duplicate_players"):
                places = chosen(rule, rows)
                if places:
                    self.fired.add(rule)
                copies = [replace(rows[i]) for i in places]
                kept = [row for i, row in enumerate(rows) if i not in places]
                rows = rows + copies if rule.action == "duplicate_players" else kept
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
        is_hit = [
            (books is None or quote.book in (books if isinstance(books, list) else [books]))
            and (player is None or (isinstance(quote, Quote) and is_player(player, quote.player)))
            for quote in quotes
        ]
        if not any(is_hit):
            return quotes
        self.fired.add(rule)
        changed: list[AnyQuote] = []
        for quote, hit in zip(quotes, is_hit, strict=True):
            changed += QUOTE_FAULTS[rule.action](rule, quote, commence_at) if hit else [quote]
        return changed


def _moved(tipoff_at: datetime, rule: Rule) -> datetime:
    local = tipoff_at.astimezone(EASTERN)
    if rule.parameter("days") is not None:
        return (local + timedelta(days=rule.parameter("days"))).astimezone(tipoff_at.tzinfo)
    moved = parse_time(rule.parameter("to"), "to")
    if len(str(rule.parameter("to"))) == len("2024-03-15"):
        moved = datetime.combine(moved.date(), local.time(), EASTERN)
    return moved.astimezone(tipoff_at.tzinfo)


def _is_side(rule: Rule, seen: SeenGame, side: int) -> bool:
    names = ("H", "home") if side == 0 else ("A", "away")
    return rule.parameter("team") in (None, *names, seen.game.teams[side])
