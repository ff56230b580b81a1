"""What a cluster is asked for, as its small file says it: jobs of SLURM, the dashboard, TLS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ais.cluster.settings_file import read_settings
from ais.errors import AisError

LOOPBACK = "127.0.0.1"
SLURM_WORD = re.compile(r"[\w.,:;=+@%/\-\[\]()&|*]+", re.ASCII)
"""What can stand in the head of a script for sbatch."""
DASHBOARD = re.compile(r"(|[\w.-]*:\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class ClusterSettings:
    """What is asked for; each has a default.

    Attributes
    ----------
    jobs
        Jobs of SLURM; one process works in each.
    cpus
        Of each job.
    partition, account, time, memory
        As SLURM calls them; empty to leave them to it.
    gpus
        Of each job, a number or ``"a100:1"``; empty for none.
    options
        Further options of sbatch, such as ``"--qos=long"``.
    setup
        Lines of shell that make the environment of a job.
    logs
        Folder for what jobs print; empty to leave it to SLURM.
    host, interface
        Address or network interface on which jobs reach the scheduler; empty for this machine's own address.
    dashboard
        Where the dashboard listens, ``"HOST:PORT"``; empty for none.
    tls_ca, tls_cert, tls_key
        Files for TLS: who is trusted, and who this is.
    retries
        How often a tomogram that has failed on one worker is tried on another.
    deaths
        How many workers may die of a tomogram before it is given up.
    """

    jobs: int = 8
    cpus: int = 4
    partition: str = ""
    account: str = ""
    time: str = ""
    memory: str = ""
    gpus: str = ""
    options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    logs: str = ""
    host: str = ""
    interface: str = ""
    dashboard: str = f"{LOOPBACK}:8787"
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    retries: int = 1
    deaths: int = 3

    @classmethod
    def read(cls, path: Path) -> ClusterSettings:
        """What a file says; AisError if it cannot be read or makes no sense."""
        settings = read_settings(path, cls)
        settings.check(path)
        return settings

    def check(self, path: Path | str) -> None:
        """Raise an AisError that names what makes no sense, and the file that says it."""
        for name, low in (("jobs", 1), ("cpus", 1), ("retries", 0), ("deaths", 1)):
            if getattr(self, name) < low:
                raise AisError(f"'{name}' in {path} must be at least {low}, not {getattr(self, name)}.")
        for name in ("partition", "account", "time", "memory", "gpus", "host", "interface"):
            value = getattr(self, name)
            if value and not SLURM_WORD.fullmatch(value):
                raise AisError(f"'{name}' in {path} must be one word, not '{value}'.")
        for option in self.options:
            if not option.startswith("-") or not option.isprintable():
                raise AisError(f"'{option}' in {path} is no option of sbatch: write it as --qos=long.")
        if not DASHBOARD.fullmatch(self.dashboard):
            raise AisError(f"'dashboard' in {path} must be HOST:PORT, such as {LOOPBACK}:8787, not '{self.dashboard}'.")
        given = [bool(one) for one in (self.tls_ca, self.tls_cert, self.tls_key)]
        if any(given) and not all(given):
            raise AisError(f"TLS needs tls_ca, tls_cert and tls_key, not some of them: see {path}.")
        for name in ("tls_ca", "tls_cert", "tls_key"):
            if getattr(self, name) and not Path(getattr(self, name)).is_file():
                raise AisError(f"{getattr(self, name)}, which {path} names as {name}, does not exist.")

    @property
    def has_tls(self) -> bool:
        """Whether it names files for TLS."""
        return bool(self.tls_ca)
