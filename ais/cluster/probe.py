"""What `ais doctor` says of a cluster: whether it can be reached, its versions, and its workers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ais.cluster.connection import Connection, connected
from ais.cluster.place import Place
from ais.cluster.settings import ClusterSettings
from ais.errors import AisError
from ais.installation.probes import Finding

SLURM_TOOLS = ("sbatch", "squeue", "scancel")
SLURM_S = 10


def examine_cluster(which: str, config: str = "") -> Finding:
    """Reach a scheduler, or start processes on this machine, and end; for SLURM no job is submitted.

    Parameters
    ----------
    which, config
        What follows ``--cluster`` and ``--cluster-config``.
    """
    figures: dict[str, Any] = {"cluster": {"reached": False}}
    try:
        place = Place.parse(which)
        settings = ClusterSettings.read(Path(config)) if config else ClusterSettings()
        missing = _slurm_advice() if place.kind == "slurm" else []
        if missing:
            return Finding(figures, missing)
        with connected(place, settings, [], lambda _: None) as connection:
            found, advice = _workers(connection, place)
            return Finding({"cluster": {"reached": True, **found}}, advice)
    except AisError as error:
        return Finding(figures, [str(error)])


def _workers(connection: Connection, place: Place) -> tuple[dict[str, Any], list[str]]:
    from ais.cluster.connection import versions_here

    threads = dict(connection.client.sync(connection.client.scheduler.ncores))
    machines = {address.rpartition(":")[0] for address in threads}
    figures = {"workers": len(threads), "machines": len(machines), "dask": versions_here()["distributed"]}
    advice = []
    if not threads and place.kind == "scheduler":
        advice.append(f"{place.address} has no workers: start some with dask worker {place.address} --nthreads 1.")
    if any(count > 1 for count in threads.values()):
        advice.append("Workers have several threads, and one is used: start them with --nthreads 1.")
    return figures, advice


def _slurm_advice() -> list[str]:
    missing = [tool for tool in SLURM_TOOLS if shutil.which(tool) is None]
    if missing:
        names = " and ".join(missing)
        return [f"SLURM cannot be used here, {names} not found: log in where jobs are submitted."]
    try:
        done = subprocess.run(["squeue", "--noheader", "--me"], capture_output=True, text=True, timeout=SLURM_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"squeue does not answer ({type(error).__name__}): SLURM's controller may be down."]
    if done.returncode:
        return [f"squeue fails: {' '.join(done.stderr.split())[:200]}."]
    return []
