"""A sink whose secret cannot be read: the message is not delivered, and the reason names the variable."""

import pytest

from nba_pipeline.monitoring.deliveries import Sink
from nba_pipeline.monitoring.sinks import VARIABLES, send


@pytest.mark.parametrize("sink", VARIABLES)
def test_a_reference_that_cannot_be_read_is_the_reason(sink: Sink) -> None:
    reason = send(sink, "sm://nba", {"routing_key": "sm://nba"}, 1)
    assert reason.startswith(f"{VARIABLES[sink]} must name a secret as sm://PROJECT/SECRET or ")
