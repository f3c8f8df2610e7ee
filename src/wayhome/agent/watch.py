"""Keeps watching the folder of the configuration file, and polls where that is refused.

A folder that is reached over a symlink may become another one without an event; that is noticed whenever the agent
wakes, at the latest for its regular verification.

inotify has limits for each user (EMFILE, ENOSPC) that other programs on the node use up; a folder may go away and
come back (a volume mounted anew). Then the file is read once a second until the folder can be watched again.
"""

import errno
from pathlib import Path

from wayhome.agent.inotify import FolderWatch
from wayhome.agent.logs import Log

POLL_INTERVAL = 1.0
"""Seconds between two looks at a file whose folder cannot be watched."""


class SourceWatch:
    """The watch of the configuration's folder; `current` is None while it is polled."""

    def __init__(self, folder: Path, log: Log) -> None:
        self._folder = folder
        self._log = log
        self.current: FolderWatch | None = None
        self._said = ""

    def renew(self) -> bool:
        """Watch the folder, if it is not watched. Returns whether a look at the file is due: the watch is new."""
        if self.current and self.current.is_current:
            return False
        self.close()
        try:
            self.current = FolderWatch(self._folder)
        except OSError as error:
            self._explain(error)
            return False
        if self._said:
            self._log.info("watching", f"{self._folder} is watched again")
            self._said = ""
        return True

    def _explain(self, error: OSError) -> None:
        reason = f"{self._folder} cannot be watched ({error.strerror}), so the file is read every {POLL_INTERVAL:g} s"
        if error.errno == errno.EMFILE:
            reason += "; fs.inotify.max_user_instances is used up by this user's programs"
        elif error.errno == errno.ENOSPC:
            reason += "; fs.inotify.max_user_watches is used up by this user's programs"
        if reason != self._said:
            self._said = reason
            self._log.warning("polling", reason)

    def drain(self) -> bool:
        """Take what happened. Returns whether the file may have changed."""
        if self.current is None:
            return False
        changed, alive = self.current.drain()
        if not alive:
            self.close()
            self.renew()
            return True
        return changed

    def close(self) -> None:
        """Stop watching."""
        if self.current:
            self.current.close()
            self.current = None
