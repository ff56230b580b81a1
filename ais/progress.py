"""How a long function says how far it is, and how it learns that it should stop."""

from __future__ import annotations


class Progress:
    """Receives the progress of a long function; this base class shows nothing and never cancels.

    The command line, the editor and the demo each derive their own. A long function takes one as its last
    argument, `progress`, and calls `report` between its steps.
    """

    def report(self, done: float, total: float, text: str = "") -> None:
        """Say how far the work is.

        Parameters
        ----------
        done, total
            Steps done and steps in all; `total` 0 means that it is not known.
        text
            What is being done now, in the user's words, such as ``"TS_001: membrane"``.

        Raises
        ------
        Cancelled
            If the user has asked to stop. The caller must leave nothing incomplete behind.
        """


SILENT = Progress()
