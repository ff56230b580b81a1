"""Whether models suit the tomogram on the screen: as the user asks, and by itself where they clearly do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ais.gui.live_view import view_of
from ais.model_check import Finding, Verdict, check_voxel_size

if TYPE_CHECKING:
    from ais.engine import Job
    from ais.gui.document import Document
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModel


class _About(NamedTuple):
    """All that a check depends on."""

    hash: str
    path: str
    voxel_sizes: tuple[float, float, float]


class ModelChecks:
    """Checks models against the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose models, tomogram and compute process it uses.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._found: dict[_About, tuple[Finding, ...]] = {}
        self._failed: dict[_About, str] = {}
        self._asked: dict[_About, Job] = {}
        self._hints: dict[_About, str] = {}
        self._document: Document | None = None
        self._active: frozenset[int] | None = None

    def follow(self, models: Sequence[ProjectModel]) -> None:
        """Take in what has been found, and hint at models that were made active and do not suit; once a frame."""
        from ais.engine import JobState

        for about, job in list(self._asked.items()):
            if not job.finished:
                continue
            del self._asked[about]
            if job.state is JobState.DONE:
                self._found[about] = tuple(_finding(entry) for entry in job.result)
            elif job.error:
                self._failed[about] = job.error
        self._hint_at_new(models)

    def ask(self, model: ProjectModel) -> None:
        """Check a model; its network is tried on some slices, ahead of trainings and exports."""
        about, view = self._about(model), view_of(self._editor)
        if about is None or view is None or about in self._asked:
            return
        self._found.pop(about, None)
        self._failed.pop(about, None)
        arguments: dict[str, Any] = view.arguments(view.z, view.plane)
        wanted = {name: arguments[name] for name in ("tomogram", "voxel_size", "normalization")}
        self._asked[about] = self._editor.engine.submit(
            "check_model",
            {**wanted, "model": {"path": str(model.entry.path), "hash": about.hash}},
            f"Checking {model.name}",
            urgent=True,
        )

    def asked(self, model: ProjectModel) -> Job | None:
        """The check of a model that is under way."""
        about = self._about(model)
        return None if about is None else self._asked.get(about)

    def found(self, model: ProjectModel) -> tuple[Finding, ...]:
        """What a check of a model against this tomogram has found; empty if there was none."""
        about = self._about(model)
        return () if about is None else self._found.get(about, ())

    def failed(self, model: ProjectModel) -> str:
        """Why a model could not be checked, in one sentence; else empty."""
        about = self._about(model)
        return "" if about is None else self._failed.get(about, "")

    def hint(self, model: ProjectModel) -> str:
        """One sentence if a model was clearly trained at another voxel size than the tomogram has; else empty."""
        about = self._about(model)
        if about is None or model.info is None or model.info.voxel_size <= 0 or self._editor.shown is None:
            return ""
        if about not in self._hints:
            finding = check_voxel_size(model.info, self._editor.shown.tomogram)
            self._hints[about] = "" if finding.verdict is Verdict.GOOD else finding.text
        return self._hints[about]

    def _about(self, model: ProjectModel) -> _About | None:
        shown = self._editor.shown
        if shown is None or model.file is None or model.info is None:
            return None
        return _About(model.file.hash, str(shown.tomogram.path), shown.tomogram.voxel_sizes)

    def _hint_at_new(self, models: Sequence[ProjectModel]) -> None:
        editor = self._editor
        if editor.document is not self._document:
            self._document, self._active = editor.document, None
        if editor.shown is None or any(model.file is None for model in models):
            return
        active = frozenset(model.id for model in models if model.use.active)
        before, self._active = self._active, active
        if before is None:
            return  # what a project is opened with was known when it was closed
        for model in models:
            if model.id in active - before and (hint := self.hint(model)):
                editor.notices.say(f"{model.name}: {hint}", "hint")


def _finding(entry: dict[str, str]) -> Finding:
    return Finding(entry["about"], Verdict(entry["verdict"]), entry["text"])
