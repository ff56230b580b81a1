"""A cluster that has been reached or started: its scheduler, what it says of itself, and its end."""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from ais.cluster.dask_parts import load_dask
from ais.cluster.place import Place
from ais.cluster.settings import LOOPBACK, ClusterSettings
from ais.cluster.slurm_jobs import slurm_cluster
from ais.ctrl_c import children_deaf_to_ctrl_c
from ais.errors import AisError
from ais.workers.processors import THREADS, VISIBLE, Processor

CONNECT_S = 15
KEEP_UP_S = 5.0
"""How often the number of workers is asked for, and SLURM is given jobs in place of those that have ended."""
END_S = 10
SAME = ("distributed", "dask")
"""Packages that must have one version everywhere."""
Tell = Callable[[str], None]


class Connection:
    """The client's end of a cluster.

    Attributes
    ----------
    client
        Of Dask.
    name
        The cluster, in words for people.
    workers
        How many there were when they were last counted.
    """

    def __init__(self, client: Any, name: str, keep_jobs: Callable[[], None] = lambda: None) -> None:
        self.client = client
        self.name = name
        self.workers = 0
        self._keep_jobs = keep_jobs
        self._next = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether the scheduler has gone."""
        return bool(self.client.status != "running")

    def keep_up(self) -> None:
        """Count the workers now and then, and ask for jobs in place of those that have ended."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + KEEP_UP_S
        self._keep_jobs()
        self.workers = len(self.addresses())

    def addresses(self) -> list[str]:
        """Of the workers there are now; none if the scheduler does not answer."""
        with suppress(OSError, TimeoutError):
            return sorted(self.client.sync(self.client.scheduler.ncores, callback_timeout=CONNECT_S))
        return []


@contextmanager
def connected(place: Place, settings: ClusterSettings, shares: Sequence[Processor], tell: Tell) -> Iterator[Connection]:
    """Reach a scheduler, or start one with its workers, and let go of it at the end.

    Parameters
    ----------
    place
        Which cluster.
    settings
        What it is asked for.
    shares
        What each process of a local cluster computes on; none if they are to share everything.
    tell
        Told where the dashboard is, and who can reach the scheduler.

    Raises
    ------
    AisError
        If Dask is missing, the scheduler cannot be reached, or has other versions.
    """
    distributed = load_dask()
    import dask

    security = security_of(place, settings, distributed)
    quiet = {
        "distributed.scheduler.allowed-failures": settings.deaths - 1,
        "distributed.diagnostics.nvml": False,  # it would take memory of the GPUs
    }
    with dask.config.set(quiet):
        cluster = None
        if place.kind == "slurm":
            cluster = _started(lambda: slurm_cluster(settings, security))
        elif place.kind == "local":
            cluster = _started(lambda: _local(distributed, place, settings, security, shares))
        try:
            target = cluster.scheduler_address if cluster is not None else place.address
            client = reach(target, security, distributed)
            try:
                check_versions(client)
                _introduce(client, cluster, target, settings, tell)
                keep = _jobs_of(cluster, settings.jobs) if place.kind == "slurm" else lambda: None
                yield Connection(client, place.address or f"the {place.kind} cluster", keep)
            finally:
                _close(client)
        finally:
            if cluster is not None:
                _close(cluster)


def reach(address: str, security: Any, distributed: Any) -> Any:
    """A client of the scheduler at an address; AisError if none answers there."""
    place = urlsplit(address)
    try:
        with socket.create_connection((place.hostname, place.port), CONNECT_S):
            pass  # Dask would try for long where nobody listens
        return distributed.Client(address, timeout=CONNECT_S, security=security, set_as_default=False)
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AisError(f"No Dask scheduler answers at {address}: {reason or type(error).__name__}.") from error


def security_of(place: Place, settings: ClusterSettings, distributed: Any) -> Any:
    """Dask's Security of the files that are named, or that Dask's own configuration names; None without TLS."""
    if settings.has_tls:
        files = {"tls_ca_file": settings.tls_ca}
        for role in ("client", "worker", "scheduler"):
            files |= {f"tls_{role}_cert": settings.tls_cert, f"tls_{role}_key": settings.tls_key}
        return distributed.Security(**files, require_encryption=True)
    if not place.is_encrypted:
        return None
    security = distributed.Security()
    if not security.tls_ca_file:
        raise AisError(f"{place.address} needs TLS: name tls_ca, tls_cert and tls_key in a file for --cluster-config.")
    return security


def check_versions(client: Any) -> None:
    """Raise an AisError if the scheduler or a worker has another Python, Dask or Ais than this process."""
    mine = versions_here()
    try:
        told = client.get_versions()
        ais = client.run(importlib.metadata.version, "ais", on_error="return")
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        raise AisError(f"The scheduler does not say its versions: {' '.join(str(error).split())[:200]}.") from error
    # The scheduler, too, loads what is handed out.
    theirs = {"The scheduler": {**versions_of(told["scheduler"]), "ais": _ais_of_scheduler(client)}}
    for address, facts in told["workers"].items():
        found = ais.get(address)
        theirs[f"The worker {address}"] = {
            **versions_of(facts),
            "ais": found if isinstance(found, str) else "none",
        }
    for who, versions in theirs.items():
        other = [name for name, version in versions.items() if version != mine[name]]
        if other:
            has = ", ".join(f"{name} {versions[name]}" for name in other)
            needed = ", ".join(f"{name} {mine[name]}" for name in other)
            raise AisError(f"{who} has {has}, and this machine {needed}: install the same everywhere.")


def _ais_of_scheduler(client: Any) -> str:
    try:
        return str(client.run_on_scheduler(importlib.metadata.version, "ais"))
    except importlib.metadata.PackageNotFoundError:
        return "none"
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        raise AisError(f"The scheduler does not say its versions: {' '.join(str(error).split())[:200]}.") from error


def versions_here() -> dict[str, str]:
    """What must be the same everywhere."""
    versions = {name: importlib.metadata.version(name) for name in (*SAME, "ais")}
    return {"python": _minor(platform.python_version()), **versions}


def versions_of(facts: Any) -> dict[str, str]:
    """The same, but for Ais, of what a scheduler or worker tells; empty if it tells nothing."""
    if not isinstance(facts, dict):
        return {}
    packages = dict(facts.get("packages") or {})
    found = {name: str(packages[name]) for name in SAME if packages.get(name)}
    python = str(packages.get("python") or "")
    return {**({"python": _minor(python)} if python else {}), **found}


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _started(start: Callable[[], Any]) -> Any:
    try:
        return start()
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise AisError(f"The cluster does not start: {reason or type(error).__name__}.") from error


def environment_of(share: Processor) -> dict[str, str]:
    """By which a process of a local cluster computes on its share of the machine."""
    gpu = {} if share.gpu is None else {VISIBLE: share.gpu}
    return gpu | ({name: str(len(share.cores)) for name in THREADS} if share.cores else {})


def _local(
    distributed: Any, place: Place, settings: ClusterSettings, security: Any, shares: Sequence[Processor]
) -> Any:
    """Separate processes of this machine, all on the loopback interface, that share its processors and GPUs."""
    protocol = "tls://" if settings.has_tls else "tcp://"
    workers = {}
    for index in range(place.processes):
        options = {
            "nthreads": 1,
            "memory_limit": 0,
            "host": LOOPBACK,
            "protocol": protocol,
            "security": security,
            "silence_logs": "CRITICAL",
            "dashboard": False,
            "env": environment_of(shares[index % len(shares)]) if shares else {},
        }
        workers[index] = {"cls": distributed.Nanny, "options": options}
    scheduler = {
        "host": LOOPBACK,
        "port": 0,
        "protocol": protocol,
        "security": security,
        "dashboard": bool(settings.dashboard),
        "dashboard_address": settings.dashboard or None,
    }
    with children_deaf_to_ctrl_c():
        return distributed.SpecCluster(
            workers=workers,
            scheduler={"cls": distributed.Scheduler, "options": scheduler},
            security=security,
            silence_logs="CRITICAL",
        )


def _jobs_of(cluster: Any, jobs: int) -> Callable[[], None]:
    return lambda: cluster.scale(jobs=jobs)


def _introduce(client: Any, cluster: Any, address: str, settings: ClusterSettings, tell: Tell) -> None:
    link = (cluster.dashboard_link if cluster is not None else client.dashboard_link) if settings.dashboard else None
    if link:
        tell(f"The dashboard is at {dashboard_page(link)}")
    if not address.startswith("tls://"):
        who = "every user of this machine" if f"//{LOOPBACK}:" in address else f"whoever can reach {address}"
        tell(f"The cluster is not protected by TLS: {who} can run programs as you.")


def dashboard_page(link: str) -> str:
    """The page that a scheduler shows: its plots, which need Bokeh, or else a table of the workers."""
    try:
        importlib.metadata.version("bokeh")
    except importlib.metadata.PackageNotFoundError:
        return link.removesuffix("/status") + "/info/main/workers.html"
    return link


def _close(one: Any) -> None:
    with suppress(OSError, TimeoutError, RuntimeError):
        one.close(timeout=END_S)
