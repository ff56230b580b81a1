"""What `ais import` takes out of a copick project: a tomogram of each run, and their picks."""

from __future__ import annotations

from collections.abc import Sequence

from ais.errors import AisError
from ais.formats.coord_copick import has_no_points
from ais.formats.copick_project import is_copick_project, read_copick_project


def expanded(words: Sequence[str], spacing: float | None, kind: str | None, runs: Sequence[str]) -> list[str]:
    """Inputs with the files of copick projects in the place of the projects.

    Parameters
    ----------
    words
        As the user gave them.
    spacing, kind, runs
        Which tomograms; see `ais.formats.copick_project.CopickProject.chosen`.

    Raises
    ------
    AisError
        If a project cannot be read, several of its tomograms are meant, or there is none to which the choice belongs.
    """
    found: list[str] = []
    projects = 0
    for word in words:
        if not is_copick_project(word):
            found.append(word)
            continue
        projects += 1
        project = read_copick_project(word)
        tomograms = project.chosen(spacing, kind, runs)
        found += [str(one.path) for one in tomograms]
        wanted = {one.run for one in tomograms}
        found += [str(one.path) for one in project.picks if one.run in wanted and not has_no_points(one.path)]
    if not projects and (spacing is not None or kind is not None or runs):
        raise AisError("--spacing, --tomogram-type and --run choose among the tomograms of a copick project.")
    return found
