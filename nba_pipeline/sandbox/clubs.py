"""The thirty clubs as the providers describe them. Club facts are real; results and people are invented."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from nba_pipeline.league.teams import TEAM_NAMES, TEAMS

NBA_TEAM_ID_BASE = 1610612700
TWO_WORD_NICKNAMES = {"POR": "Trail Blazers"}
SLUGS = {"76ers": "sixers", "Trail Blazers": "blazers"}
ESPN_CODES = {"GSW": "GS", "NOP": "NO", "NYK": "NY", "SAS": "SA", "UTA": "UTAH", "WAS": "WSH"}
ESPN_ORDER = """
ATL BOS NOP CHI CLE DAL DEN DET GSW HOU IND LAC LAL MIA MIL MIN BKN NYK ORL PHI PHX POR SAC SAS OKC UTA WAS TOR MEM CHA
""".split()
ODDS_API_NAMES = {"LAC": "Los Angeles Clippers"}

# tricode, NBA id minus the base, state or province, conference, division, time zone
FACTS = """
ATL 37 GA East Southeast New_York    | BOS 38 MA East Atlantic New_York      | BKN 51 NY East Atlantic New_York
CHA 66 NC East Southeast New_York    | CHI 41 IL East Central Chicago        | CLE 39 OH East Central New_York
DAL 42 TX West Southwest Chicago     | DEN 43 CO West Northwest Denver       | DET 65 MI East Central Detroit
GSW 44 CA West Pacific Los_Angeles   | HOU 45 TX West Southwest Chicago      | IND 54 IN East Central Indianapolis
LAC 46 CA West Pacific Los_Angeles   | LAL 47 CA West Pacific Los_Angeles    | MEM 63 TN West Southwest Chicago
MIA 48 FL East Southeast New_York    | MIL 49 WI East Central Chicago        | MIN 50 MN West Northwest Chicago
NOP 40 LA West Southwest Chicago     | NYK 52 NY East Atlantic New_York      | OKC 60 OK West Northwest Chicago
ORL 53 FL East Southeast New_York    | PHI 55 PA East Atlantic New_York      | PHX 56 AZ West Pacific Phoenix
POR 57 OR West Northwest Los_Angeles | SAC 58 CA West Pacific Los_Angeles    | SAS 59 TX West Southwest Chicago
TOR 61 ON East Atlantic Toronto      | UTA 62 UT West Northwest Denver       | WAS 64 DC East Southeast New_York
"""


@dataclass(frozen=True, slots=True)
class Club:
    """One club. `index` is its index in TEAMS and in every array of the simulation."""

    index: int
    tricode: str
    team_id: int
    balldontlie_id: int
    city: str
    nickname: str
    state: str
    conference: str
    division: str
    zone: ZoneInfo

    @property
    def full_name(self) -> str:
        """The name as spelled by the league."""
        return f"{self.city} {self.nickname}"

    @property
    def odds_api_name(self) -> str:
        """The name as spelled by the Odds API, which differs for one club."""
        return ODDS_API_NAMES.get(self.tricode, self.full_name)

    @property
    def espn_id(self) -> int:
        """The ESPN id, 1 to 30."""
        return ESPN_ORDER.index(self.tricode) + 1

    @property
    def espn_code(self) -> str:
        """The ESPN abbreviation, which differs for six clubs."""
        return ESPN_CODES.get(self.tricode, self.tricode)

    @property
    def slug(self) -> str:
        """The nickname in URLs."""
        return SLUGS.get(self.nickname, self.nickname.lower())


def _clubs() -> dict[str, Club]:
    clubs = {}
    for cell in FACTS.replace("\n", "|").split("|"):
        if not cell.strip():
            continue
        tricode, number, state, conference, division, zone = cell.split()
        nickname = TWO_WORD_NICKNAMES.get(tricode, TEAM_NAMES[tricode].split()[-1])
        index = TEAMS.index(tricode)
        clubs[tricode] = Club(
            index=index,
            tricode=tricode,
            team_id=NBA_TEAM_ID_BASE + int(number),
            balldontlie_id=index + 1,
            city=TEAM_NAMES[tricode].removesuffix(nickname).strip(),
            nickname=nickname,
            state=state,
            conference=conference,
            division=division,
            zone=ZoneInfo("America/" + zone),
        )
    return clubs


CLUBS = _clubs()
"""Tricode -> club."""
