"""`ais doctor`: the state of the installation."""

from __future__ import annotations

import tempfile
import threading
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from ais import __version__
from ais.cli.opengl import OpenGL, find_opengl, through_ssh
from ais.cli.options import Json
from ais.cli.terminal import show, show_json
from ais.cluster.place import Place
from ais.errors import AisError, describe_os_error
from ais.installation.bundle import check_target, write_bundle
from ais.installation.graphics_cards import explain, machine
from ais.installation.places import default_settings_folder
from ais.installation.probes import Finding, Probe, examine_all
from ais.installation.software import BACKENDS, version_of

PARTS = ("keras", "numpy", "scipy", "scikit-image", "vtk", "mrcfile", "tifffile", "imgui-bundle", "glfw", "PyOpenGL")
OPTIONAL = ("dask",)
NETWORKS_S = 60.0
OPENGL_S = 9.0
LABEL = 18
PLACES = ("current", "settings", "temporary")
KEYS = (
    *("python", "system", "virtual_environment", "cores", "cores_usable", "cpu", "cpu_features"),
    *("memory", "memory_total", "memory_free", "memory_limit"),
)
GONE = "The current folder does not exist any more: change to another."
Bundle = Annotated[
    str | None,
    typer.Option(
        "--bundle",
        metavar="FILE.zip",
        help="Also write what a report of a problem needs, without private names and paths.",
        show_default=False,
    ),
]
CLUSTER_S = 60.0
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="WHICH", help="Also reach a cluster, as of ais segment.", show_default=False),
]
ClusterConfig = Annotated[
    str | None, typer.Option("--cluster-config", metavar="FILE", help="As of ais segment.", show_default=False)
]


def run(
    bundle: Bundle = None, cluster: Cluster = None, cluster_config: ClusterConfig = None, json: Json = False
) -> int:
    """Say what the installation consists of and what is missing, with the command that puts it right.

    Python, packages, processor, memory, disks, graphics cards, screen. The backend is what computes networks; the
    environment variable AIS_BACKEND chooses tensorflow (the default), torch or jax. Each check runs by itself: one that
    crashes or hangs says so.
    """
    target = None if bundle is None else Path(bundle)
    if target is not None:
        check_target(target)
    if cluster is not None:
        Place.parse(cluster)
    state = examine(cluster, cluster_config)
    lines = described(state)
    if json:
        show_json(state)
    else:
        show("\n".join(lines))
    if target is not None:
        try:
            hidden = without_address(state, cluster)
            write_bundle(target, hidden, "\n".join(described(hidden)), default_settings_folder())
        except OSError as error:
            raise AisError(describe_os_error(error, target)) from error
        if not json:
            show(f"{'bundle':>{LABEL}}  {target}")
    return 0


def probes() -> list[Probe]:
    """What is examined, each in a process of its own."""
    checks = "ais.installation"
    folders = {"settings": str(default_settings_folder()), "temporary": tempfile.gettempdir()}
    found = [
        Probe("networks", "what computes networks", f"{checks}.software:examine_networks", limit_s=NETWORKS_S),
        Probe("cards", "graphics cards", f"{checks}.graphics_cards:examine_cards"),
        Probe("python", "Python", f"{checks}.software:examine_python"),
        Probe("packages", "packages", f"{checks}.software:examine_packages"),
        Probe("loading", "the loading of packages", f"{checks}.software:examine_loading"),
        Probe("processor", "the processor", f"{checks}.machine:examine_processor"),
        Probe("memory", "memory", f"{checks}.machine:examine_memory"),
    ]
    try:
        folders["current"] = str(Path.cwd())
    except OSError:
        folders["current"] = ""
    for role in PLACES:
        if folders[role]:
            about = f"the {role} folder, which may lie on a drive that does not answer"
            found.append(Probe(role, about, f"{checks}.places:examine_place", (role, folders[role])))
    return found


def examine(cluster: str | None = None, config: str | None = None) -> dict[str, Any]:
    """What `ais doctor` reports; sizes in GiB. What could not be found out is None."""
    screen: list[OpenGL] = []
    asking = threading.Thread(target=lambda: screen.append(find_opengl(OPENGL_S)), daemon=True)
    asking.start()
    asked = [] if cluster is None else [cluster_probe(cluster, config)]
    found = examine_all([*probes(), *asked])
    asking.join(OPENGL_S)
    return put_together(found, screen[0] if screen else OpenGL(advice="The graphics driver does not answer."))


def cluster_probe(cluster: str, config: str | None) -> Probe:
    """The check of a cluster that is asked for."""
    words = (cluster, *([config] if config else []))
    return Probe("cluster", "the cluster", "ais.cluster.probe:examine_cluster", words, CLUSTER_S)


def without_address(state: dict[str, Any], cluster: str | None) -> dict[str, Any]:
    """The report without the address of a cluster, which is nobody else's business."""
    host = urlsplit(cluster or "").hostname
    return state if host is None else loads(dumps(state).replace(host, "HOST"))


def put_together(found: dict[str, Finding], opengl: OpenGL) -> dict[str, Any]:
    """The report of what the checks found."""
    figures: dict[str, Any] = {}
    for name in ("python", "processor", "memory", "packages", "loading", "networks"):
        figures |= found[name].figures
    places = {role: found[role].figures.get(role) if role in found else None for role in PLACES}
    cards = found["cards"].figures
    failure = figures.pop("failure", "")
    advice = [sentence for finding in found.values() for sentence in finding.advice]
    if "current" not in found:
        advice.append(GONE)
    if found["networks"].failure and found["processor"].advice and not found["processor"].failure:
        advice.remove(found["networks"].advice[0])  # without its instructions TensorFlow crashes, as is said there
    if not failure and not figures.get("gpus") and figures.get("backend") and cards:
        advice.append(explain(machine(cards), figures["backend"], figures.get("gpu_build")))
    advice += [opengl.advice] if opengl.advice else []
    return {
        "ais": __version__,
        **{key: figures.get(key) for key in KEYS},
        "disk_free": (places["current"] or {}).get("free"),
        "places": places,
        **{name: version_of(name) for name in (*BACKENDS, *PARTS, *OPTIONAL)},
        "packages": figures.get("packages", {}),
        "extras": figures.get("extras", {}),
        "broken": figures.get("broken", []),
        "backend": figures.get("backend"),
        "gpus": figures.get("gpus", []),
        "gpu_build": figures.get("gpu_build"),
        "cpu_bfloat16": figures.get("cpu_bfloat16"),
        "precision": figures.get("precision"),
        "graphics": cards or None,
        "cluster": found["cluster"].figures.get("cluster") if "cluster" in found else None,
        "opengl": opengl.text or None,
        "screen": {"display": opengl.display or None, "scale": opengl.scale or None, "ssh": through_ssh()},
        "failed": {name: finding.failure for name, finding in found.items() if finding.failure},
        "advice": list(dict.fromkeys(advice)),
    }


def described(state: dict[str, Any]) -> list[str]:
    """A report as lines for people."""
    graphics, screen = state["graphics"] or {}, state["screen"]
    driver = " ".join(["NVIDIA", graphics["driver"]]) if graphics.get("driver") else None
    lines = {
        "ais": state["ais"],
        "python": _joined(state["python"], "virtual environment" if state["virtual_environment"] else None),
        "system": state["system"],
        "processor": _joined(state["cpu"], " ".join(state["cpu_features"] or [])),
        "cores": state["cores"] and f"{state['cores_usable']} of {state['cores']}",
        "memory": state["memory"] and f"{state['memory']} GiB; {state['memory_free']} GiB of the computer's are free",
        **{f"{role} folder": _place(place) for role, place in state["places"].items()},
        **{name: state[name] for name in (*BACKENDS, *PARTS, *OPTIONAL)},
        "backend": state["backend"],
        "gpus": "; ".join(state["gpus"]) or None,
        "gpu driver": _joined(driver, "; ".join(graphics.get("gpus", []))),
        "cpu_bfloat16": state["cpu_bfloat16"],
        "precision": state["precision"],
        **({} if state["cluster"] is None else {"cluster": _cluster(state["cluster"])}),
        "opengl": state["opengl"],
        "screen": _joined(screen["display"], screen["scale"] and f"letters at {screen['scale']:.0%}"),
    }
    shown = [f"{key:>{LABEL}}  {'-' if value in (None, '') else value}" for key, value in lines.items()]
    return shown + [f"{'advice':>{LABEL}}  {sentence}" for sentence in state["advice"]]


def _joined(*parts: str | None) -> str | None:
    return ", ".join(part for part in parts if part) or None


def _place(place: dict[str, Any] | None) -> str | None:
    if place is None:
        return None
    kind = place["network"] or place["file_system"]
    return _joined(f"{place['free']} GiB free", kind, None if place["writable"] else "cannot be written")


def _cluster(found: dict[str, Any]) -> str:
    if not found["reached"]:
        return "not reached"
    return f"{found['workers']} workers on {found['machines']} machines, Dask {found['dask']}"
