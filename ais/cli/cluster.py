"""`ais segment --cluster`: who does the tomograms, and what must be so that other machines can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ais.cli.terminal import complain
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.cluster.runner import ClusterRunner

VISIBLE = "CUDA_VISIBLE_DEVICES"


@contextmanager
def on_cluster(cluster: str | None, config: str | None, device: str) -> Iterator[ClusterRunner | None]:
    """The runner of a cluster that is reached, or started; None without ``--cluster``.

    Parameters
    ----------
    cluster
        What follows ``--cluster``.
    config
        What follows ``--cluster-config``.
    device
        What follows ``--device``; the processes of a local cluster share the GPUs that it names.

    Raises
    ------
    AisError
        If the cluster cannot be had.
    """
    if cluster is None:
        if config is not None:
            raise AisError("--cluster-config says more about --cluster: give that as well.")
        yield None
        return
    from ais.cluster.connection import connected
    from ais.cluster.place import Place
    from ais.cluster.runner import ClusterRunner
    from ais.cluster.settings import ClusterSettings

    place = Place.parse(cluster)
    settings = ClusterSettings.read(Path(config)) if config else ClusterSettings()
    devices = shared_gpus(device) if place.kind == "local" else []
    with connected(place, settings, devices, complain) as connection:
        yield ClusterRunner(connection, settings.retries)


def device_of_workers(cluster: str | None, device: str) -> str:
    """What each worker is told of ``--device``: the process of a local cluster sees nothing but the GPU it is given."""
    return "gpu" if cluster is not None and cluster.startswith("local") and device.startswith("gpu:") else device


def seen_by_all(path: Path, cluster: str | None) -> Path:
    """The path by which a worker finds a file, whatever folder it runs in; as it is without a cluster."""
    from ais.formats.zarr_path import remote_address

    return path if cluster is None or remote_address(path) is not None else path.absolute()


def shared_gpus(device: str) -> list[str]:
    """CUDA's names of the GPUs that the processes of this machine share; none where they are not to be used."""
    from ais.installation.graphics_cards import ask_driver
    from ais.models.backend import parse_device

    kind, wanted = parse_device(device)
    if kind == "cpu":
        return []
    visible = os.environ.get(VISIBLE)
    there = [str(number) for number in range(len(ask_driver()[2]))] if visible is None else visible.split(",")
    if any(number >= len(there) for number in wanted):
        raise AisError(f"--device {device} names a GPU that is not there: this machine has {len(there)}.")
    return [there[number] for number in wanted] if wanted else [one for one in there if one]
