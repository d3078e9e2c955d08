"""Makes files private to the user: a home holds paid data and the user's bets."""

import os

GROUP_AND_OTHERS = 0o077
"""Every permission of the group and of others."""


def make_files_private() -> None:
    """Extends the umask, so that new files and folders of this process have no permissions for the group and others.

    Existing files do not change. The umask applies to the whole process, including files of libraries. Only for processes of
    the platform: the command, `make dev`, and Dagster's processes that open the instance.
    """
    os.umask(os.umask(GROUP_AND_OTHERS) | GROUP_AND_OTHERS)
