"""Takes the look of a volume over to its feature, whose volumes then look so in all tomograms, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.annotation import AddFeature, ChangeFeature, ChangeVolumes, Operation, Together, file_safe_name

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.gui.scene_volume import SceneVolume

OF_FEATURE = {"colour": None, "level": None, "dust": None}
"""Of a volume's own; None stands for that of the feature."""


def look_as_feature(editor: Editor, volume: SceneVolume) -> None:
    """Give a volume colour, level and dust of its feature."""
    editor.rendering.volumes.change({volume.path: OF_FEATURE}, f"Look of {volume.name} like the feature")


def use_look_everywhere(editor: Editor, volume: SceneVolume) -> None:
    """Make colour, level and dust of a volume those of its feature, which is added if there is none of the name."""
    look, tomogram = volume.look, editor.state.tomogram
    if look.colour is None or look.level is None or look.dust is None or tomogram is None:
        return
    wanted = file_safe_name(volume.feature)
    features = (each for each in editor.snapshot.features if each.name.casefold() == wanted.casefold())
    feature = next(features, None)
    change: Operation[object]
    if feature is None:
        change = AddFeature(wanted, colour=look.colour, level=look.level, dust=look.dust)
    else:
        change = ChangeFeature(feature.id, colour=look.colour, level=look.level, dust=look.dust)
    own = ChangeVolumes(tomogram, {volume.path: OF_FEATURE}, "")
    editor.submit(Together(f"Look of {volume.name} in all tomograms", (change, own)))
