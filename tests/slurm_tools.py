"""Stand-ins for sbatch, squeue and scancel, which run the scripts they are given on this machine."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

SBATCH = """\
import os, pathlib, shutil, subprocess, sys
folder = pathlib.Path({folder!r})
number = len(list(folder.glob("*.sh"))) + 1
script = folder / f"{{number}}.sh"
shutil.copy(sys.argv[1], script)
log = open(folder / f"{{number}}.log", "wb")
job = subprocess.Popen(["bash", str(script)], stdout=log, stderr=log, start_new_session=True)
(folder / f"{{number}}.pid").write_text(str(job.pid))
print(f"Submitted batch job {{number}}")
"""
SCANCEL = """\
import os, pathlib, signal, sys
path = pathlib.Path({folder!r}) / f"{{sys.argv[1]}}.pid"
try:
    os.killpg(int(path.read_text()), signal.SIGKILL)
except ProcessLookupError:
    pass
path.with_suffix(".cancelled").touch()
"""


class SlurmTools:
    """The three programs in a folder for PATH; jobs are numbered from 1.

    Parameters
    ----------
    folder
        For the programs, and for what is known of jobs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name, code in {"sbatch": SBATCH, "scancel": SCANCEL, "squeue": ""}.items():
            program = folder / name
            program.write_text(f"#!{sys.executable}\n" + code.format(folder=str(folder)))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def jobs(self) -> list[int]:
        """Numbers of all jobs that have been submitted."""
        return sorted(int(path.stem) for path in self.folder.glob("*.pid"))

    def script(self, job: int) -> str:
        """What was submitted."""
        return (self.folder / f"{job}.sh").read_text()

    def kill(self, job: int) -> None:
        """End a job as SLURM does when its time is over."""
        try:
            os.killpg(int((self.folder / f"{job}.pid").read_text()), signal.SIGKILL)
        except ProcessLookupError:
            return

    def end(self) -> None:
        """Kill what is left of all jobs."""
        for job in self.jobs():
            self.kill(job)
