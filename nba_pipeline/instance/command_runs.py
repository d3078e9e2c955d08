"""Runs that a command executes in its own process, recorded like the runs of Dagster's daemon.

Dagster 1.13 shows a run in the timeline and on the page of its job only if the run names the code location of the job. The
same holds for failure sensors. `execute_in_process` cannot name it, so this module passes it to the creation of the run. It
can be removed when `execute_in_process` takes an origin.
"""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import MAX_RETRIES_TAG

from nba_pipeline.instance.run_tags import AUTOMATIC_TAGS, COMMAND, STARTED_BY_TAG, USER_TAG

LOCATION = "nba_pipeline"
"""Name of the code location in workspace.yaml."""

REPOSITORY = "__repository__"
"""Name that Dagster gives the repository of a `dg.Definitions`."""

TAGS = {STARTED_BY_TAG: COMMAND, MAX_RETRIES_TAG: "0"}
"""Tags of each run. They disable the daemon's retries, because a retry could overlap with a repetition of the command."""


def execute(
    job: dg.JobDefinition, instance: dg.DagsterInstance, tags: Mapping[str, str], **arguments: Any
) -> dg.ExecuteInProcessResult:
    """Executes a job in this process as a run of a command. The arguments are those of `execute_in_process`."""
    with _origin_of(job, instance):
        return job.execute_in_process(instance=instance, tags={**TAGS, USER_TAG: user(), **tags}, **arguments)


def user() -> str:
    """Returns the operating system's name of the user, or the number of a user without a name, as in some containers."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def is_manual(run: dg.DagsterRun) -> bool:
    """Whether a person started the run, with a command or in the UI. A retry has the tags of the run that it repeats."""
    return not run.tags.keys() & set(AUTOMATIC_TAGS)


def is_started_by_command(run: dg.DagsterRun) -> bool:
    """Whether a command executed the run. Runs of earlier versions have no tag and no code location.

    Dagster copies the tags to a re-execution, which has a parent run and was started by a person in the UI.
    """
    return (run.tags.get(STARTED_BY_TAG) == COMMAND and run.parent_run_id is None) or run.remote_job_origin is None


@contextmanager
def _origin_of(job: dg.JobDefinition, instance: dg.DagsterInstance) -> Iterator[None]:
    """Adds the code location to the runs that the instance creates within the block."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), REPOSITORY)
    origin = RemoteJobOrigin(repository, job.name)
    attributes = vars(instance)
    attributes["create_run_for_job"] = partial(instance.create_run_for_job, remote_job_origin=origin)
    try:
        yield
    finally:
        del attributes["create_run_for_job"]
