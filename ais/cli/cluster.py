"""`ais segment --cluster`: who does the tomograms, and what must be so that other machines can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ais.cli.terminal import complain
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.cluster.runner import ClusterRunner


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
    from ais.workers.processors import processors

    place = Place.parse(cluster)
    settings = ClusterSettings.read(Path(config)) if config else ClusterSettings()
    shares = processors(str(place.processes), device) if place.kind == "local" else []
    with connected(place, settings, shares, complain) as connection:
        yield ClusterRunner(connection, settings.retries)


def device_of_workers(cluster: str | None, device: str) -> str:
    """What each worker is told of ``--device``: the process of a local cluster sees nothing but the GPU it is given."""
    return "gpu" if cluster is not None and cluster.startswith("local") and device.startswith("gpu:") else device


def seen_by_all(path: Path, cluster: str | None) -> Path:
    """The path by which a worker finds a file, whatever folder it runs in; as it is without a cluster."""
    from ais.formats.zarr_path import remote_address

    return path if cluster is None or remote_address(path) is not None else path.absolute()
