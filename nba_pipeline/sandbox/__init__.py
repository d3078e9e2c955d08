"""The sandbox: a simulated league with games on every day of the year, served in the wire formats of the real providers.

It replaces the internet. With NBA_PIPELINE_ENV=sandbox, the provider clients send their requests to this server on the
loopback interface. Requests, parsing and gates are the same as in production. Players are invented. The thirty clubs are
real, because the tables accept only their tricodes.

    roster, schedule -> simulation -> league     fixtures and results: a pure function of the seed
    shooting, boxscores                          shots of the simulation, and the final box score of a game
    shot_zones -> play_by_play                   the actions of the same games
    officials                                    the referees of each game
    lines                                        betting lines before each game
    absences -> injuries                         absences, and the injury statuses reported before each game
    faults, rules_file                           fault rules for tests, and the rules of a home
    shapes, contents                             effects of a rule on a document, and on rows and quotes
    view, snapshots                              the league as seen by one request, with clock and faults applied
    wire                                         the view in the format of each provider, one module per provider
    server                                       HTTP on 127.0.0.1, and the control plane
"""

from nba_pipeline.sandbox.league import League
from nba_pipeline.sandbox.server import SandboxServer, serve

__all__ = ["League", "SandboxServer", "serve"]
