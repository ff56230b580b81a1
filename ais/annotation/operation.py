"""An edit of a project: what to change, what to call it in the history, and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ais.project.edit import Edit

Result_co = TypeVar("Result_co", covariant=True)


class Operation(ABC, Generic[Result_co]):
    """One edit, one step of undo. Every change of a project's content goes through one.

    An operation is plain data. `Project.apply` runs it in one transaction and keeps each changed row before and after,
    which is all that undo and redo need; so an operation says only how to apply itself.
    """

    @abstractmethod
    def text(self, edit: Edit) -> str:
        """What it does, for the history panel; asked before it is applied."""

    @abstractmethod
    def apply(self, edit: Edit) -> Result_co:
        """Change the project.

        Parameters
        ----------
        edit
            Reads and changes the project within the transaction.

        Returns
        -------
        Result_co
            What the caller wants to know, such as the new feature.

        Raises
        ------
        AisError
            If the edit makes no sense; the project is then as it was.
        """


@dataclass(frozen=True)
class Together(Operation[None]):
    """Several edits as one step of undo.

    Attributes
    ----------
    title
        What they do together, for the history panel.
    operations
        In the order in which they are applied.
    """

    title: str
    operations: Sequence[Operation[object]]

    def text(self, edit: Edit) -> str:
        """The title."""
        del edit
        return self.title

    def apply(self, edit: Edit) -> None:
        """Apply one after the other."""
        for operation in self.operations:
            operation.apply(edit)
