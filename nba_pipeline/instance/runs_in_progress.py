"""The runs in progress and their dates."""

import dagster as dg

from nba_pipeline.instance.run_tags import PARTITION_TAG, RANGE_TAGS

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def spans_in_progress(instance: dg.DagsterInstance, job: str | None = None) -> list[tuple[str, str]]:
    """Returns the first and last date of each run in progress. Without `job`, excludes `train`, whose partitions are weeks."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=IN_PROGRESS))
    firsts = {run.run_id: run.tags.get(PARTITION_TAG) or run.tags.get(RANGE_TAGS[0], "") for run in runs}
    return [
        (firsts[run.run_id], run.tags.get(RANGE_TAGS[1]) or firsts[run.run_id])
        for run in runs
        if job is not None or run.job_name != "train"
    ]
