"""The tags of runs: Dagster's own that the platform reads, and those it writes."""

from dagster._core.storage import tags as dagster_tags

WILL_RETRY_TAG = dagster_tags.WILL_RETRY_TAG
"""Dagster sets it on a failed run: whether it retries the run. Private; tried with Dagster 1.13."""

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""How Dagster says on a run which date, or which first and last one, it is about."""

PARTITION_TAGS = (PARTITION_TAG, *RANGE_TAGS)

AS_OF_TAG = "nba/as_of"
REPLAY_TAG = "nba/replay_of"
OFFLINE_TAG = "nba/offline"
"""Marks a run that reads what is landed and sends no request."""

MODE_TAG = "nba/mode"
"""Tag of a run: the mode, or the sensor, that asked for it."""

WHY_TAG = "nba/why"
"""Tag of a run: why it was asked for, in words, and why nothing else was."""

LONGEST_WHY = 500

DUE_TAG = "nba/due_at"
"""The instant at which the work of a run was due: with mode and date it says which work it is."""

RECHECK_TAG = "nba/recheck"
"""Tag of a run that a person asked for: every final game is read again, whatever the schedule of re-reads says."""

PROCESS_TAG = "nba/process"
"""host:pid:start of the process:run id. The run id, because Dagster copies a run's tags to its retry."""

MAX_RUNTIME_TAG = "dagster/max_runtime"
