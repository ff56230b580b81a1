"""What is selected, shown and zoomed in the editor; nothing here has to be saved, and nothing here can be undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from ais.annotation import Feature
from ais.gui.display import PLANES, Contrast, DisplayFilter, Placement, Plane


class Tool(Enum):
    """What the left button does in a view; the value is what the user reads."""

    BRUSH = "Brush"
    FLOOD = "Flood brush"
    LASSO = "Lasso"
    BOX = "Boxes"
    PICK = "Picks"
    MEASURE = "Measure"
    CROP = "Crop region"
    IMAGE = "Place image"
    LANDMARKS = "Landmarks"


class Tab(Enum):
    """The tabs of the left column."""

    ANNOTATE = "Annotate"
    MODELS = "Models"
    EXPORT = "Export"
    RENDER = "Render"


@dataclass
class ViewState:
    """How one plane is shown.

    Attributes
    ----------
    placement
        Where the picture lies in the view; None until the view has been drawn, or to be fitted anew.
    size
        (width, height) of the view in screen pixels when it was last drawn.
    origin
        Screen position of its upper left corner.
    hovered
        Picture coordinates (row, column) under the pointer, or None.
    turned
        Whether the picture is drawn with its rows as columns: YZ lies beside XY and shares its y axis. `placement`
        is then that of the turned picture.
    position
        The slice that was drawn last; the one that is wanted may still be on its way. None before the first.
    """

    placement: Placement | None = None
    size: tuple[float, float] = (1.0, 1.0)
    origin: tuple[float, float] = (0.0, 0.0)
    hovered: tuple[float, float] | None = None
    turned: bool = False
    position: int | None = None

    def to_screen(self, row: float, column: float) -> tuple[float, float]:
        """Screen position (x, y) of a point of the plane's picture."""
        placement = self.placement or Placement()
        drawn = (column, row) if self.turned else (row, column)
        x, y = placement.to_view(*drawn, *self.size)
        return x + self.origin[0], y + self.origin[1]

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates (row, column) of a screen position."""
        placement = self.placement or Placement()
        row, column = placement.to_picture(x - self.origin[0], y - self.origin[1], *self.size)
        return (column, row) if self.turned else (row, column)


@dataclass
class RadiusWish:
    """A radius of the brush that is shown and not yet saved.

    Attributes
    ----------
    feature
        Whose.
    radius
        In pixels.
    time
        When it was changed last; seconds of `time.monotonic`.
    submitted
        Whether it is being saved.
    """

    feature: int
    radius: float
    time: float
    submitted: bool = False


@dataclass(frozen=True)
class DraggedMark:
    """A box or a pick that follows the pointer, to be drawn in place of the one that is moved.

    Attributes
    ----------
    kind
        What it is.
    feature
        Of which feature.
    number
        Number of the one that is moved; None for a new one.
    position
        z, y, x in voxels, where it is now.
    negative
        Whether it is a negative box.
    """

    kind: Literal["box", "pick"]
    feature: int
    number: int | None
    position: tuple[float, float, float]
    negative: bool = False


@dataclass(frozen=True)
class VolumeLook:
    """How a segmented volume is shown over its tomogram.

    Attributes
    ----------
    colour
        Red, green, blue, each 0 to 1.
    threshold
        0 to 255, from which voxels are shown.
    alpha
        Opacity, 0 to 1.
    """

    colour: tuple[float, float, float]
    threshold: float = 128.0
    alpha: float = 0.5


@dataclass
class EditorState:
    """The state of the window.

    Attributes
    ----------
    tomogram, feature
        Numbers of the selected ones; feature IGNORE (0) paints ignore regions; None where there is none.
    position
        Voxel (z, y, x) of the cross-hair; the planes through it are shown.
    views
        Of the three planes.
    ortho
        Whether XZ and YZ are shown beside XY.
    slab
        How many slices are averaged.
    contrast
        None until it is known.
    contrast_is_automatic
        Whether the limits are those measured, and follow them.
    filters
        The stack of display filters.
    interpolate
        Whether pixels are blended when they are larger than those of the screen.
    tool
        What the left button does.
    flood_sensitivity
        0 to 1.
    ignore_radius
        Radius of the brush that paints ignore regions, in pixels.
    overlays_hidden
        While the key is held.
    playing
        Slices per second; 0 when not playing.
    radius_wish
        A radius of the brush that is shown and not yet saved.
    lasso_threshold
        Whether the lasso paints only the pixels inside that are darker, or brighter, than a threshold.
    lasso_brighter
        Whether those that are brighter.
    lasso_level
        The threshold, in the tomogram's own units; None finds it anew in every outline (Otsu).
    outline
        Corners (row, column) of the lasso under way, in the slice `outline_position` of
        the plane `outline_plane`, which is XY so far.
    outline_erases
        Whether it will erase.
    dragged
        A box or a pick that follows the pointer.
    crop_corners
        Two opposite corners (row, column) of the crop region that is being drawn, in the plane `crop_plane`.
    measured
        The two ends (row, column) of the measured line, in the plane `measured_plane`; None for no line.
    tab
        Of the left column.
    feature_preview
        A feature with properties that are being chosen and are not saved yet; see `ais.gui.feature_preview`.
    volumes
        Files of segmented volumes that are shown over their tomograms, and how; see `ais.gui.volume_overlays`.
    legend
        Whether the models that are shown are listed in the view.
    training_shown
        Whether it is shown what a training finds in the slice on the screen.
    """

    tomogram: int | None = None
    feature: int | None = None
    position: tuple[int, int, int] = (0, 0, 0)
    views: dict[Plane, ViewState] = field(
        default_factory=lambda: {plane: ViewState(turned=plane == "yz") for plane in PLANES}
    )
    ortho: bool = False
    slab: int = 1
    contrast: Contrast | None = None
    contrast_is_automatic: bool = True
    filters: list[DisplayFilter] = field(default_factory=list)
    interpolate: bool = False
    tool: Tool = Tool.BRUSH
    flood_sensitivity: float = 0.5
    ignore_radius: float = 12.0
    overlays_hidden: bool = False
    playing: float = 0.0
    tab: Tab = Tab.ANNOTATE
    radius_wish: RadiusWish | None = None
    lasso_threshold: bool = False
    lasso_brighter: bool = False
    lasso_level: float | None = None
    outline: list[tuple[float, float]] = field(default_factory=list)
    outline_plane: Plane = "xy"
    outline_position: int = 0
    outline_erases: bool = False
    dragged: DraggedMark | None = None
    crop_corners: tuple[tuple[float, float], tuple[float, float]] | None = None
    crop_plane: Plane = "xy"
    measured: tuple[tuple[float, float], tuple[float, float]] | None = None
    measured_plane: Plane = "xy"
    feature_preview: Feature | None = None
    volumes: dict[Path, VolumeLook] = field(default_factory=dict)
    legend: bool = True
    training_shown: bool = True

    @property
    def z(self) -> int:
        """The slice shown in XY."""
        return self.position[0]

    def along(self, plane: Plane) -> int:
        """The position of a plane along its normal: z, y or x."""
        return self.position[PLANES.index(plane)]
