"""Dagster's runs on SQLite, with exactly one daemon. Referenced by dagster.yaml only."""

from pathlib import Path
from typing import Any

from dagster._core.storage.runs import SqliteRunStorage
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import ConfigurableClassData

from nba_pipeline.instance.only_daemon import require_file_lock


class OneDaemonSqliteRunStorage(SqliteRunStorage):
    """Run storage with the same file and rows as Dagster's own."""

    folder: Path

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "OneDaemonSqliteRunStorage":
        """Creates the storage from the configuration of dagster.yaml. Called by Dagster."""
        storage = cls.from_local(inst_data=inst_data, **config_value)
        storage.folder = Path(config_value["base_dir"]).parent
        return storage

    def add_daemon_heartbeat(self, daemon_heartbeat: DaemonHeartbeat) -> None:
        """Stores that a daemon is alive. Ends the process if it is a second daemon."""
        require_file_lock(self.folder)
        super().add_daemon_heartbeat(daemon_heartbeat)
