"""Python and its packages: which versions are there, which Ais needs, and whether they can be loaded."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.installation.probes import Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "ais"
PIP = "python -m pip"
REINSTALL = f"{PIP} install -c constraints.txt ."
BACKENDS = ("tensorflow", "torch", "jax")
# Compiled ones whose loading says something, and takes no seconds.
LOADED = ("numpy", "scipy.sparse", "h5py", "imagecodecs", "cc3d", "edt", "PIL.Image", "av")
OPTIONAL = {"cluster": "clusters through Dask"}
Version = Callable[[str], str | None]


def examine_python() -> Finding:
    """The interpreter that runs this."""
    advice = []
    wanted = _wanted_python()
    version = platform.python_version()
    if wanted and not _fits(wanted, version):
        advice.append(
            f"Python {version} does not fit ({wanted} is needed): make a virtual environment with one that does."
        )
    if sys.maxsize < 2**32:
        advice.append("This Python has 32 bits, for which there is no TensorFlow: install one with 64 bits.")
    figures = {"python": version, "system": platform.platform(), "virtual_environment": sys.prefix != sys.base_prefix}
    return Finding(figures, advice)


def examine_packages() -> Finding:
    """The packages that Ais needs, held against the ranges that it was installed with."""
    try:
        stated = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Finding({"packages": {}}, [f"Ais itself is not installed in this Python: {REINSTALL}"])
    needed = tuple(requirements(stated))
    versions = {one.name: version_of(one.name) for one in needed}
    extras: dict[str, bool] = {}
    advice = [problem.sentence for problem in unfit(needed)]
    for extra, purpose in OPTIONAL.items():
        brought = (
            *requirements(stated, extra),
            *(inner for one in requirements(stated, extra) for inner in within(one)),
        )
        missing = [problem for problem in unfit(brought) if problem.found is None]
        extras[extra] = not missing
        versions |= {one.name: version_of(one.name) for one in brought}
        advice += [problem.sentence for problem in unfit(brought) if problem.found is not None]
        if missing:
            names = " and ".join(problem.name for problem in missing)
            verb = "is" if len(missing) == 1 else "are"
            command = f'{PIP} install -c constraints.txt ".[{extra}]"'
            advice.append(f"{names} {verb} not installed, which {purpose} need: {command}")
    return Finding({"packages": versions, "extras": extras}, advice)


def examine_loading() -> Finding:
    """Whether compiled packages can be loaded; on Windows they need Microsoft's libraries."""
    broken = {}
    for name in LOADED:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:  # one that is not there at all is said by the other check
                broken[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a damaged package does is what is asked for
            broken[name] = " ".join(str(error).split())
    advice = []
    for name, reason in broken.items():
        package = name.partition(".")[0]
        sentence = f"{package} is installed but cannot be loaded ({reason[:200]})"
        if sys.platform == "win32" and "DLL" in reason:
            sentence += ": install Microsoft's Visual C++ Redistributable (winget install Microsoft.VCRedist.2015+.x64)"
        else:
            sentence += f": {PIP} install --force-reinstall -c constraints.txt {distribution_of(package)}"
        advice.append(sentence)
    return Finding({"broken": sorted(broken)}, advice)


def examine_networks() -> Finding:
    """What computes networks: the backend, its GPUs, and what ``--precision auto`` segments in."""
    from ais.models.backend import chosen_backend, start

    figures: dict[str, object] = {"backend": None, "gpus": [], "gpu_build": None, "precision": None, "failure": ""}
    try:
        backend = chosen_backend()
        figures["backend"] = backend.name
        device = start()
        figures["gpus"] = [gpu.name for gpu in backend.gpus()]
        figures["gpu_build"] = backend.built_for_gpus()
    except AisError as error:
        return Finding(figures | {"failure": str(error)}, [str(error)])
    return Finding(figures | {"precision": device.fast_dtype})


@dataclass(frozen=True)
class Unfit:
    """A package that is missing (`found` is None), or whose version is outside of `wanted`."""

    name: str
    wanted: str
    found: str | None

    @property
    def sentence(self) -> str:
        """What is wrong, and the command for it."""
        if self.found is None:
            return f'{self.name} is missing: {PIP} install "{self.name}{self.wanted}"'
        return (
            f'{self.name} {self.found} does not fit ({self.wanted} is needed): {PIP} install "{self.name}{self.wanted}"'
        )


def requirements(stated: Sequence[str], extra: str = "") -> Iterator[Requirement]:
    """Those of a package's requirements that apply here; with `extra`, those that it brings in addition."""
    from packaging.requirements import Requirement

    for text in stated:
        one = Requirement(text)
        always = one.marker is None or one.marker.evaluate({"extra": ""})
        if (not always and one.marker is not None and one.marker.evaluate({"extra": extra})) if extra else always:
            yield one


def within(one: Requirement) -> Iterator[Requirement]:
    """What a requirement such as ``dask[distributed]`` asks for by the names in brackets."""
    try:
        stated = importlib.metadata.requires(one.name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for extra in sorted(one.extras):
        yield from requirements(stated, extra)


def unfit(needed: Sequence[Requirement], version: Version | None = None) -> list[Unfit]:
    """Those requirements that are not met.

    Parameters
    ----------
    needed
        What is asked for.
    version
        From a package's name to its version; by default what is installed.
    """
    version = version or version_of
    found = [(one, version(one.name)) for one in needed]
    return [
        Unfit(one.name, str(one.specifier), number)
        for one, number in found
        if number is None or not one.specifier.contains(number, prereleases=True)
    ]


def version_of(name: str) -> str | None:
    """The version of an installed package, None if it is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def distribution_of(package: str) -> str:
    """The name under which the package that is imported by another name is installed."""
    return importlib.metadata.packages_distributions().get(package, [package])[0]


def _wanted_python() -> str:
    try:
        return importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return ""


def _fits(wanted: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)
