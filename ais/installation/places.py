"""Folders that Ais uses: how much room they have, whether they can be written, and what kind of drive they lie on."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from ais.errors import describe_os_error
from ais.installation.probes import Finding

GIB = 2**30
LOW_DISK = 10 * GIB
LOW_SETTINGS = GIB // 10
MOUNTS = Path("/proc/self/mounts")
LOCK_WAIT_S = 2.0
NETWORK = {
    "nfs": "NFS",
    "nfs4": "NFS",
    "cifs": "a Windows share (SMB)",
    "smb3": "a Windows share (SMB)",
    "smbfs": "a Windows share (SMB)",
    "fuse.sshfs": "SSHFS",
    "lustre": "Lustre",
    "gpfs": "GPFS",
    "beegfs": "BeeGFS",
    "fhgfs": "BeeGFS",
    "ceph": "Ceph",
    "fuse.ceph": "Ceph",
    "fuse.glusterfs": "GlusterFS",
    "panfs": "PanFS",
    "orangefs": "OrangeFS",
    "afs": "AFS",
    "9p": "9p",
}
REMOTE_DRIVE = 4
NOT_FOR_PROJECTS = ("SSHFS", "9p", "AFS")


def default_settings_folder() -> Path:
    """Where the editor keeps its own files."""
    import platformdirs

    return Path(platformdirs.user_config_dir("ais-cryoet", appauthor=False))


def examine_place(role: str, folder: str) -> Finding:
    """Room, kind of drive, and whether it can be written.

    Parameters
    ----------
    role
        ``"current"``, ``"settings"`` or ``"temporary"``.
    folder
        Its path; of one that does not exist, the nearest that does is examined.
    """
    wanted = Path(folder)
    place = existing(wanted)
    free = shutil.disk_usage(place).free
    kind = kind_of(place)
    problem = blocked_by_file(wanted) or write_problem(place)
    figures = {
        "free": round(free / GIB, 1),
        "file_system": kind,
        "network": NETWORK.get(kind or ""),
        "writable": not problem,
    }
    if _on_windows_share(place):
        figures |= {"network": NETWORK["cifs"]}
    called = f"The {role} folder"
    advice = []
    if problem:
        advice.append(f"{called} cannot be written ({problem}): {_remedy(role, place)}.")
    elif role == "current" and free < LOW_DISK:
        advice.append("Less than 10 GiB free on this disk.")
    elif role != "current" and free < LOW_SETTINGS:
        advice.append(f"{called} has less than 0.1 GiB free: {_remedy(role, place)}.")
    if figures["network"] and role == "current":
        advice += network_advice(str(figures["network"]), "" if problem else lock_problem(place))
    return Finding({role: figures}, advice)


def network_advice(drive: str, locking: str) -> list[str]:
    """What to bear in mind where projects lie on a network drive.

    Parameters
    ----------
    drive
        What it is called.
    locking
        What was wrong when a database was locked there; empty if nothing was.
    """
    if locking:
        return [
            f"The current folder lies on {drive}, where files cannot be locked ({locking}), so that projects cannot be "
            "opened: keep projects on a local disk (tomograms and results may stay), or ask for the lock service."
        ]
    if drive in NOT_FOR_PROJECTS:
        return [
            f"The current folder lies on {drive}, where a project may be damaged if two computers open it: "
            "keep projects on a local disk; tomograms and results may stay."
        ]
    return [
        f"The current folder lies on {drive}: locking works, but a project is quicker on a local disk, "
        "and must not be open on two computers at once."
    ]


def kind_of(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The file system that a folder lies on, such as ``"ext4"`` or ``"nfs4"``; None where mounts cannot be read."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = folder.resolve()
    found = [fields for line in lines if len(fields := line.split()) > 2]
    over = [(len(point.parts), fields[2]) for fields in found if path.is_relative_to(point := Path(_plain(fields[1])))]
    # Of two at one place the later one lies on top.
    return max(enumerate(over), key=lambda entry: (entry[1][0], entry[0]))[1][1] if over else None


def write_problem(folder: Path) -> str:
    """Why no file can be written into a folder; empty if it can."""
    try:
        with tempfile.TemporaryFile(prefix=".ais-", dir=folder) as file:
            file.write(b"ais")
            file.flush()
    except OSError as error:
        return (error.strerror or describe_os_error(error)).lower()
    return ""


def lock_problem(folder: Path) -> str:
    """Why a database cannot be locked in a folder, as projects are; empty if it can."""
    try:
        with tempfile.TemporaryDirectory(prefix=".ais-", dir=folder, ignore_cleanup_errors=True) as made:
            base = sqlite3.connect(Path(made) / "lock.db", timeout=LOCK_WAIT_S, isolation_level=None)
            try:
                base.execute("begin exclusive")
                base.execute("create table t (n)")
                base.execute("commit")
            finally:
                base.close()
    except (sqlite3.Error, OSError) as error:
        return str(error)
    return ""


def blocked_by_file(folder: Path) -> str:
    """Says so where a folder cannot be made because a file has its name, or that of a folder above it."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return ""
        if place.exists():
            return f"{place.name} is a file"
    return ""


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return place
    return folder


def _remedy(role: str, place: Path) -> str:
    if role == "settings":
        owner = "" if sys.platform == "win32" else f" (sudo chown -R $USER {_short(place)})"
        return f"settings are not kept; make it yours{owner} or free some space"
    if role == "temporary":
        return "set TMPDIR (TEMP on Windows) to a folder with room that you may write"
    return "change to a folder of yours, or write results elsewhere with -o"


def _short(place: Path) -> str:
    home = Path.home()
    return f"~/{place.relative_to(home).as_posix()}" if place.is_relative_to(home) else str(place)


def _plain(point: str) -> str:
    # Blanks in names are written as octal numbers.
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


def _on_windows_share(place: Path) -> bool:
    drive = f"{place.resolve().drive}\\"
    if sys.platform == "win32":
        import ctypes

        return drive.startswith("\\\\") or bool(ctypes.WinDLL("kernel32").GetDriveTypeW(drive) == REMOTE_DRIVE)
    return False
