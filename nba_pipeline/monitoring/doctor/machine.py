"""Probes of the machine: disk, memory, open files."""

import resource
import shutil
from pathlib import Path

import psutil

from nba_pipeline.monitoring.doctor.probe import Result, failed, ok, warning
from nba_pipeline.settings import SETTINGS

GIB = 1024**3
MIB = 1024**2


def disk(home: Path) -> Result:
    """Compares the free space of the home's disk with the limit below which no write starts."""
    free = shutil.disk_usage(_existing(home)).free
    size = f"{free / GIB:.1f} GiB" if free >= GIB else f"{free // MIB} MiB"
    message = f"{size} free at {home}"
    if free < SETTINGS.warehouse.least_free_mib * MIB:
        return failed(
            "disk", f"{message}; no write starts below {SETTINGS.warehouse.least_free_mib} MiB", "delete files on this disk"
        )
    if free < SETTINGS.doctor.free_disk_gib * GIB:
        return warning("disk", f"{message}, less than {SETTINGS.doctor.free_disk_gib:g} GiB", "delete files on this disk")
    return ok("disk", message)


def memory() -> Result:
    """Compares the available memory with what the largest job needs."""
    available = psutil.virtual_memory().available / GIB
    message = f"{available:.1f} GiB available"
    if available < SETTINGS.doctor.free_memory_gib:
        return warning("memory", f"{message}, less than {SETTINGS.doctor.free_memory_gib:g} GiB", "stop other programs")
    return ok("memory", message)


def open_files() -> Result:
    """Compares the limit of open files with what a daemon with several runs needs."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    message = f"up to {limit} open files per process"
    if limit != resource.RLIM_INFINITY and limit < SETTINGS.doctor.open_files:
        return warning(
            "open files", f"{message}, less than {SETTINGS.doctor.open_files}", f"ulimit -n {SETTINGS.doctor.open_files}"
        )
    return ok("open files", message)


def _existing(folder: Path) -> Path:
    """Returns the folder, or its first parent that exists."""
    return next(one for one in (folder, *folder.parents) if one.exists())
