"""The message of an error is its root cause, also if Dagster wraps it."""

from typing import Any

import dagster as dg
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.instance.causes import error_summary
from nba_pipeline.instance.run_outcomes import failure_reasons, outcome_messages


class Port(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A resource that fails to start."""

    number: int = 1

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        try:
            raise OSError(f"port {self.number} is taken")
        except OSError as error:
            raise (Permanent("the port cannot be used") if self.number > 1 else RuntimeError("no")) from error


@dg.asset
def listening(port: Port) -> None:
    """An asset that requires the resource."""


def job(number: int) -> dg.JobDefinition:
    definitions = dg.Definitions([listening], resources={"port": Port(number=number)}, jobs=[dg.define_asset_job("listen")])
    return definitions.resolve_job_def("listen")


@pytest.mark.parametrize(
    ("number", "cause"), [(1, "resource port: OSError: port 1 is taken"), (2, "resource port: the port cannot be used")]
)
def test_a_resource_that_does_not_start_is_named_with_its_first_cause(number: int, cause: str) -> None:
    """In a run of the command and in the alert, an error of the platform replaces its cause."""
    instance = dg.DagsterInstance.ephemeral()
    result = job(number).execute_in_process(instance=instance, raise_on_error=False)
    assert outcome_messages(result.all_events, result.success)[0] == [cause]
    assert failure_reasons(instance, result.run_id, result.get_run_failure_event()) == [cause]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"colour": 1}, 'Error in config for job listen: Received unexpected config entry "colour" at the root.'),
        (
            {"resources": {"port": {"config": {"colour": 1}}}},
            'Error in config for job listen: Received unexpected config entry "colour" at path root:resources:port:config. '
            'Expected: "{ number?: (Int | { env: String })? }".',
        ),
    ],
    ids=["at the root", "of a resource"],
)
def test_an_unknown_key_of_a_run_is_named(config: Any, problem: str) -> None:
    """Omits a long schema."""
    with pytest.raises(dg.DagsterInvalidConfigError) as refused:
        job(1).execute_in_process(run_config=config, raise_on_error=False)
    assert error_summary(f"dagster._core.errors.DagsterInvalidConfigError: {refused.value}\n") == problem


def test_the_message_of_another_error_is_its_first_line() -> None:
    assert error_summary("ValueError: no\nat all\n") == "ValueError: no"
    assert error_summary("") == "unknown error"
