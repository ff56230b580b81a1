"""Jobs of SLURM as workers, submitted through dask-jobqueue."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Any

from ais.cluster.dask_parts import load_dask
from ais.cluster.settings import ClusterSettings
from ais.errors import AisError
from ais.workers.processors import THREADS

DEATH_S = 120
"""How long a job waits for a scheduler that does not answer before it ends."""
UNUSED_MEMORY = "1GB"
"""What dask-jobqueue is told where SLURM decides; it wants a number."""


def slurm_cluster(settings: ClusterSettings, security: Any) -> Any:
    """A scheduler in this process, to which jobs of SLURM will come; none is submitted yet.

    Raises
    ------
    AisError
        If Dask or SLURM is not there.
    """
    jobqueue = load_dask("dask_jobqueue")
    if shutil.which("sbatch") is None:
        raise AisError("--cluster slurm needs sbatch, which is not found here: run it where jobs are submitted.")
    return jobqueue.SLURMCluster(**job_options(settings, security))


def job_options(settings: ClusterSettings, security: Any) -> dict[str, Any]:
    """What dask-jobqueue is told: one process with one thread in each job, whatever the job's processors."""
    from distributed.utils import get_ip, get_ip_interface

    host = settings.host or (get_ip_interface(settings.interface) if settings.interface else get_ip())
    skipped = [] if settings.memory else ["--mem="]
    skipped += [] if settings.time else ["-t "]
    return {
        "cores": 1,
        "processes": 1,
        "memory": UNUSED_MEMORY,
        "job_cpu": settings.cpus,
        "job_mem": settings.memory or None,
        "queue": settings.partition or None,
        "account": settings.account or None,
        "walltime": settings.time or None,
        "job_extra_directives": [
            *([f"--gres=gpu:{settings.gpus}"] if settings.gpus not in ("", "0") else []),
            *settings.options,
        ],
        "job_directives_skip": skipped,
        "job_script_prologue": [*settings.setup, *(f"export {name}={settings.cpus}" for name in THREADS)],
        "log_directory": settings.logs or None,
        "job_name": "ais-segment",
        "python": shlex.quote(sys.executable),
        "death_timeout": DEATH_S,
        "worker_extra_args": ["--memory-limit", "0", "--no-dashboard", *_interface(settings)],
        "scheduler_options": {
            "host": host,
            "dashboard": bool(settings.dashboard),
            "dashboard_address": settings.dashboard or None,
        },
        "security": security,
        "protocol": "tls://" if settings.has_tls else "tcp://",
        "silence_logs": "CRITICAL",
    }


def _interface(settings: ClusterSettings) -> list[str]:
    return ["--interface", settings.interface] if settings.interface else []
