"""The tags of runs: those of Dagster that the platform reads, and its own."""

from dagster._core.storage import tags as dagster_tags

WILL_RETRY_TAG = dagster_tags.WILL_RETRY_TAG
"""Set by Dagster on a failed run: whether Dagster retries it. Private; verified with Dagster 1.13."""

RETRY_FAILED_STEP_TAG = dagster_tags.RETRY_ON_ASSET_OR_OP_FAILURE_TAG
"""Tag of a run: "true" lets `run_retries` repeat it after a failed step, as after a crash. Private; verified with Dagster 1.13."""

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""Dagster's tags for the first and last date of a range run. `PARTITION_TAG` has the date of a run of one date."""

PARTITION_TAGS = (PARTITION_TAG, *RANGE_TAGS)

AS_OF_TAG = "nba/as_of"
REPLAY_TAG = "nba/replay_of"
OFFLINE_TAG = "nba/offline"
"""Marks a run that reads the landing and sends no request."""

STARTED_BY_TAG = "nba/started_by"
"""Tag of a run that a command executed in its own process: `COMMAND`. Other runs have tags of Dagster that name their origin."""

COMMAND = "command"

USER_TAG = "nba/user"
"""Tag of a run that a command executed: the operating system's name of the user."""

AUTOMATIC_TAGS = (
    dagster_tags.SCHEDULE_NAME_TAG,
    dagster_tags.SENSOR_NAME_TAG,
    dagster_tags.AUTOMATION_CONDITION_TAG,
    dagster_tags.AUTO_MATERIALIZE_TAG,
)
"""Dagster's tags of runs that a schedule, sensor or automation condition requested. Private; verified with Dagster 1.13."""

MODE_TAG = "nba/mode"
"""Tag of a run: the mode or sensor that requested it."""

WHY_TAG = "nba/why"
"""Tag of a run: the reason of its request, and the decisions on other dates."""

LONGEST_WHY = 500

DUE_TAG = "nba/due_at"
"""Tag of a run: the instant at which its work was due. Mode, date and this instant identify the work."""

RECHECK_TAG = "nba/recheck"
"""Tag of a re-read by an operator. It reads every final game again, due or not."""

PROCESS_TAG = "nba/process"
"""Tag of a run: host:pid:start of the process:run id. It contains the run id, because Dagster copies the tags to a retry."""

MAX_RUNTIME_TAG = "dagster/max_runtime"
