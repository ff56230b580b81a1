"""Which cluster is meant: the words that follow ``--cluster``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ais.errors import AisError

LOCAL = re.compile(r"local:(\d{1,4})")
SCHEDULER = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A cluster.

    Attributes
    ----------
    kind
        ``"local"``: processes of this machine; ``"scheduler"``: one that runs already; ``"slurm"``: jobs of SLURM.
    processes
        Of a local cluster.
    address
        Of a scheduler, such as ``tcp://node1:8786``.
    """

    kind: Literal["local", "scheduler", "slurm"]
    processes: int = 0
    address: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """``local:4``, ``tcp://node1:8786``, ``tls://node1:8786`` or ``slurm``.

        Raises
        ------
        AisError
            If it is none of these.
        """
        word = text.strip()
        if word == "slurm":
            return cls("slurm")
        if (match := LOCAL.fullmatch(word)) and int(match[1]):
            return cls("local", processes=int(match[1]))
        if (match := SCHEDULER.fullmatch(word)) and 0 < int(match[3]) < 1 << 16:
            return cls("scheduler", address=word)
        raise AisError(f"--cluster must be local:N, tcp://HOST:PORT, tls://HOST:PORT or slurm, not '{text}'.")

    @property
    def is_encrypted(self) -> bool:
        """Whether the address itself asks for TLS."""
        return self.address.startswith("tls://")
