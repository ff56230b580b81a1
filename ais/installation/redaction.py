"""Texts without what is private: names of the user and the computer, and where files lie and what they are called."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOT_PART = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
# From the first slash to the last of a line, since names of folders may have blanks, and on to an ending.
BEGIN = r"(?:(?<![\w<>~:/.\\])/(?=[^\s/])|(?<![A-Za-z])[A-Za-z]:[\\/]|\\\\(?=\w)|~[\\/]|file://)"
PATH = re.compile(BEGIN + r"""(?:[^\n"'<>|]*[\\/])?(?:[^\n"'<>|\\/]*?\.[A-Za-z0-9]{2,12}\b|[^\s"',;:<>|)\\/]*)""")
QUOTED_PATH = re.compile(r"""(["'])""" + BEGIN + r"""[^\n]*?\1""")
DATA = "mrc|mrcs|rec|st|map|ccp4|em|hdf|h5|zarr|tif|tiff|png|jpg|star|tbl|txt|csv|json|scns|scnt|scnm|aism|aisproj|mod"
FILE = re.compile(rf"""[^\s"'/\\<>]+\.({DATA})\b""", re.IGNORECASE)
PUBLIC = re.compile(
    r"<(?:ais|environment|python)>[\\/][\w.\\/-]*|/dev/nvidia[\w-]*|/usr/lib/wsl/lib\b|\bconstraints\.txt\b"
)


@dataclass(frozen=True)
class Redaction:
    """Takes private words out of texts.

    Parameters
    ----------
    home
        The user's folder, which becomes ``~``.
    user, hosts
        Names, which become ``<user>`` and ``<computer>`` wherever they stand as a word.
    known
        Pairs of a folder and what it becomes, such as Ais' own, so that errors can still be found in code.
    """

    home: str
    user: str
    hosts: tuple[str, ...]
    known: tuple[tuple[str, str], ...] = ()

    def report(self, text: str) -> str:
        """A text that Ais itself has put together: the home folder and names are taken out."""
        text = _folder_replaced(text, self.home, "~")
        for host in sorted(self.hosts, key=len, reverse=True):
            text = _word_replaced(text, host, "<computer>")
        return _word_replaced(text, self.user, "<user>")

    def log(self, text: str) -> str:
        """A text of any kind: every path and every name of a data file is taken out, but those of program code."""
        for folder, shown in self.known:
            text = _folder_replaced(text, folder, shown)
        text = _folder_replaced(text, self.home, "~")
        kept: list[str] = []

        def keep(match: re.Match[str]) -> str:
            kept.append(match[0])
            return f"\0{len(kept) - 1}\0"

        text = PUBLIC.sub(keep, text)
        text = QUOTED_PATH.sub(r"\1<path>\1", text)
        text = PATH.sub("<path>", text)
        text = FILE.sub(r"<file>.\1", text)
        return self.report(re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], text))

    def values(self, value: Any) -> Any:
        """`report` for every text in nested lists and dictionaries; their keys stay."""
        if isinstance(value, dict):
            return {key: self.values(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(entry) for entry in value]
        return self.log(value) if isinstance(value, str) else value


def of_this_user() -> Redaction:
    """For the user who runs this, on this computer."""
    node = platform.node()
    names = {node, node.partition(".")[0], *(os.environ.get(key, "") for key in ("HOSTNAME", "COMPUTERNAME"))}
    source = str(Path(__file__).resolve().parents[1])
    known = (
        (source, "<ais>"),
        (sysconfig.get_path("purelib"), "<environment>"),
        (sysconfig.get_path("stdlib"), "<python>"),
        (sys.prefix, "<environment>"),
        (sys.base_prefix, "<python>"),
        (tempfile.gettempdir(), "<path>"),
    )
    # A Python of the system's has the prefix /usr or even /; that of a user is worth a name.
    return Redaction(str(Path.home()), _user(), tuple(name for name in names if name), _proper(known))


def _proper(known: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((folder, shown) for folder, shown in known if len(Path(folder).parts) > 2)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _folder_replaced(text: str, folder: str, shown: str) -> str:
    if len(folder) < 2:
        return text
    for spelling in {folder, folder.replace("\\", "/"), folder.replace("\\", "\\\\")}:
        text = re.sub(re.escape(spelling) + r"(?![A-Za-z0-9_])", shown.replace("\\", r"\\"), text)
    return text


def _word_replaced(text: str, word: str, shown: str) -> str:
    return re.sub(NOT_PART[0] + re.escape(word) + NOT_PART[1], shown, text, flags=re.IGNORECASE) if word else text
