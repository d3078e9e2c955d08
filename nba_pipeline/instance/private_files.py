"""What this process writes is its user's alone: a home holds answers that were paid for, and what somebody bets on."""

import os

OTHERS = 0o077
"""Every permission of the group and of everybody else."""


def keep_files_private() -> None:
    """Take all permissions of others from the files and folders that this process makes from now on, on top of its umask.

    Existing files keep theirs. It changes the whole process, so that a library's files are private too, and is for processes
    of the platform's own: the command, `make dev`, and Dagster's once they open the instance.
    """
    os.umask(os.umask(OTHERS) | OTHERS)
