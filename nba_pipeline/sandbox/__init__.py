"""The sandbox: a basketball league that plays every day of the year, told in the wire formats of the real providers.

It stands at the very start of the platform, in the place of the internet. With NBA_PIPELINE_ENV=sandbox the providers'
clients ask this server on the loopback interface and nothing else changes: same requests, same parsing, same gates. The
people are invented, the thirty clubs are not, because the tables know no other tricodes.

    roster, schedule -> simulation -> league     who plays whom, and what happens: a pure function of the seed
    shot_zones -> play_by_play                   the same games action by action, down to the last rebound
    officials                                    who referees
    lines                                        what the books think beforehand
    absences -> injuries                         who is hurt, and what the clubs say about it before the game
    faults                                       what a test wants to go wrong
    view                                         the league as one request sees it: clock and faults applied
    wire                                         a view in the words of a provider, one module each
    server                                       HTTP on 127.0.0.1, and the control plane
"""

from nba_pipeline.sandbox.league import League
from nba_pipeline.sandbox.server import SandboxServer, serve

__all__ = ["League", "SandboxServer", "serve"]
