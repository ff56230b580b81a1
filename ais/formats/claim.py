"""Claims beside outputs, by which processes on several machines share the work on one folder."""

from __future__ import annotations

import json
import os
import platform
import re
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import make_folders
from ais.formats.process_identity import has_ended, identity_of_this_process

BEAT_S = 10.0
"""How often the holder of a claim writes into it."""
STALE_S = 90.0
"""A claim in which nothing has been written for so long, as the watcher measures it, belongs to a dead process."""
LOOKS = 3
"""At least so many looks tell that a claim is stale: the watcher itself may have slept between two of them."""

CLAIM = re.compile(r"\..+\.claim-\d+", re.DOTALL)


class ClaimLost(Exception):
    """Another process has taken a claim over, because this one was not heard of for too long."""


@dataclass(frozen=True)
class Ticket:
    """What a process needs to know of a claim under which it works, if another process holds it; can be pickled.

    Attributes
    ----------
    path
        The claim's file.
    number
        Of the claim.
    token
        What stands in the file as long as it is the same claim.
    """

    path: Path
    number: int
    token: str

    def confirm(self) -> None:
        """See whether the claim is still held.

        Raises
        ------
        ClaimLost
            If it is another's; what was made under it must not take its final name.
        OSError
            If it cannot be read.
        """
        try:
            mine = self.token.encode() in self.path.read_bytes()
        except FileNotFoundError:
            mine = False
        if not mine or numbered(self.path, self.number + 1).exists():
            raise ClaimLost


class Claim:
    """A claim that this process holds; a thread writes into it every `BEAT_S` seconds until it is released.

    A claim is the file ``.<name>.claim-<n>``. Who takes over the claim of a dead process makes the file with the next
    number, which only one can, and the highest number holds: a process that was only thought dead finds it and stops.
    """

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number
        self._token = uuid.uuid4().hex
        self._beats = 0
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._keep_beating, name="claim", daemon=True)

    def begin(self) -> bool:
        """Make the file and keep it alive; False if somebody else has made it."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return False
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._content())
        except BaseException:  # the disk is full, or the process is asked to end
            self._path.unlink(missing_ok=True)
            raise
        self._thread.start()
        return True

    @property
    def ticket(self) -> Ticket:
        """For a process that works under this claim."""
        return Ticket(self._path, self._number, self._token)

    @property
    def is_lost(self) -> bool:
        """Whether the last beat has found that the claim is another's."""
        return self._lost.is_set()

    def confirm(self) -> None:
        """Write into the claim now.

        Raises
        ------
        ClaimLost
            If it is another's; what was made under it must not take its final name.
        OSError
            If it cannot be written.
        """
        self._beat()
        if self.is_lost:
            raise ClaimLost

    def release(self) -> None:
        """Let others have it; older claims on the same work, of dead processes, are removed as well."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._is_superseded():
            return
        for number in range(1, self._number + 1):  # the own one last: a lower number alone would hold the work
            with suppress(OSError):
                numbered(self._path, number).unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _keep_beating(self) -> None:
        while not self._ended.wait(BEAT_S):
            with suppress(OSError):  # a file system that is away for a while; the next beat tells whether it was long
                self._beat()
            if self.is_lost:
                return

    def _beat(self) -> None:
        with self._writing:
            self._beats += 1
            try:
                with open(self._path, "r+b") as file:
                    mine = self._token.encode() in file.read()
                    if mine:
                        file.seek(0)
                        file.write(self._content())
            except FileNotFoundError:
                mine = False
            if not mine or self._is_superseded():
                self._lost.set()

    def _is_superseded(self) -> bool:
        return numbered(self._path, self._number + 1).exists()

    def _content(self) -> bytes:
        facts = {
            "token": self._token,
            "host": platform.node(),
            "pid": os.getpid(),
            "process": identity_of_this_process(),
            "beats": f"{self._beats:012d}",
        }
        return json.dumps(facts).encode()


def numbered(path: Path, number: int) -> Path:
    """The claim with another number on the same work."""
    return path.with_name(f"{path.name.rpartition('-')[0]}-{number}")


def _process_of(content: bytes) -> str:
    """The identity of the process that has written a claim; empty if it does not say."""
    try:
        facts = json.loads(content)
    except ValueError:
        return ""
    return str(facts.get("process", "")) if isinstance(facts, dict) else ""


@dataclass
class _Watched:
    """Another's claim: what was in it, and how long that has been so."""

    number: int
    content: bytes
    seen_at: float
    unchanged_s: float = 0.0


class Claims:
    """The claims on the outputs in a folder.

    No clock is compared with another's: a claim is stale once this process has seen the same content in it for
    `STALE_S` of its own time, so that clocks may differ between machines and jump; and at once if its process was one
    of this machine and has ended.

    Parameters
    ----------
    folder
        Where the outputs lie; made when the first claim is taken, and removed at the end if nothing has come into it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = [one for one in (folder, *folder.parents) if not one.exists()]
        self._watched: dict[str, _Watched] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._sweep()
            for folder in self._made:
                folder.rmdir()

    def _sweep(self) -> None:
        """Remove the claims of processes that have ended and had finished what they held, or left it to others."""
        for path in [self._folder / name for name in os.listdir(self._folder) if CLAIM.fullmatch(name)]:
            with suppress(OSError):
                if has_ended(_process_of(path.read_bytes())):
                    path.unlink()  # should it be another's by now, that one finds it gone and drops its work

    def take(self, name: str) -> Claim | None:
        """Claim a piece of work, which is free or was left by a dead process.

        Parameters
        ----------
        name
            Of the work, such as the stem of a tomogram; the same in every process.

        Returns
        -------
        Claim or None
            None while another process works on it, as far as is known.

        Raises
        ------
        AisError
            If the folder cannot be written.
        """
        try:
            make_folders(self._folder)
            there = self._numbers(name)
            newest = max(there, default=0)
            if newest and not self._is_stale(name, newest):
                return None
            number = newest + 1
            claim = Claim(self._folder / f".{name}.claim-{number}", number)
            if not claim.begin():
                return None
            # The holder may have finished at this moment, and a third process begun anew from number 1.
            now = self._numbers(name)
            if max(now, default=0) != number or (newest and newest not in now):
                claim.release()
                return None
        except OSError as error:
            raise AisError(describe_os_error(error, self._folder)) from error
        self._watched.pop(name, None)
        return claim

    def _numbers(self, name: str) -> set[int]:
        pattern = re.compile(re.escape(f".{name}.claim-") + r"(\d+)")
        return {int(match[1]) for entry in os.listdir(self._folder) if (match := pattern.fullmatch(entry))}

    def _is_stale(self, name: str, number: int) -> bool:
        try:
            content = (self._folder / f".{name}.claim-{number}").read_bytes()
        except FileNotFoundError:
            return False  # just released
        if has_ended(_process_of(content)):
            return True
        now = time.monotonic()
        seen = self._watched.get(name)
        if seen is None or (seen.number, seen.content) != (number, content):
            self._watched[name] = _Watched(number, content, now)
            return False
        seen.unchanged_s += min(now - seen.seen_at, STALE_S / LOOKS)
        seen.seen_at = now
        return seen.unchanged_s >= STALE_S
