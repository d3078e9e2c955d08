"""The sandbox: a basketball league that plays every day of the year, told in the wire formats of the real providers.

It stands at the very start of the platform, in the place of the internet. With NBA_PIPELINE_ENV=sandbox the providers'
clients ask this server on the loopback interface and nothing else changes: same requests, same parsing, same gates. The
people are invented, the thirty clubs are not, because the tables know no other tricodes.

    roster, schedule -> simulation -> league     who plays whom, and what happens: a pure function of the seed
    lines                                        what the books think beforehand
    faults                                       what a test wants to go wrong
    view                                         the league as one request sees it: clock and faults applied
    wire                                         a view as JSON: NBA CDN, balldontlie, The Odds API
    server                                       HTTP on 127.0.0.1, and the control plane
"""

from nba_pipeline.sandbox.league import League
from nba_pipeline.sandbox.server import SandboxServer, serve

__all__ = ["League", "SandboxServer", "serve"]
