"""`ais filter`: a prepared volume from another."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ais.cli.options import Overwrite, VoxelSize, check_voxel_option
from ais.cli.outputs import check_output
from ais.cli.terminal import show, terminal_progress
from ais.errors import AisError
from ais.tomogram import Tomogram


def run(
    input_: Annotated[str, typer.Argument(metavar="INPUT", help="Volume to read.", show_default=False)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="Volume to write.")],
    match: Annotated[
        str | None, typer.Option("--match", metavar="REFERENCE", help="Give it this tomogram's amplitude spectrum.")
    ] = None,
    gaussian: Annotated[
        float | None, typer.Option("--gaussian", metavar="A", help="Smooth; standard deviation in angstrom.")
    ] = None,
    median: Annotated[int | None, typer.Option("--median", metavar="N", help="Median in N x N pixels, N odd.")] = None,
    cube: Annotated[bool, typer.Option("--cube", help="With --median: N x N x N voxels, also across slices.")] = False,
    anisotropic: Annotated[
        int | None, typer.Option("--anisotropic", metavar="N", help="N rounds of edge-preserving diffusion.")
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Exchange dark and bright.")] = False,
    bin_: Annotated[int | None, typer.Option("--bin", metavar="N", help="Average blocks of N x N x N voxels.")] = None,
    swap_axes: Annotated[
        str | None, typer.Option("--swap-axes", metavar="ORDER", help="New order of the axes, such as yzx.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option("--mask", metavar="MASK", help="Set to 0 what lies outside this mask.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="T", help="With --mask: at least T is inside. Default: above 0."),
    ] = None,
    outside: Annotated[
        bool, typer.Option("--outside", help="With --mask: keep what lies outside it, set the inside to 0.")
    ] = False,
    voxel_size: VoxelSize = None,
    reference_voxel_size: Annotated[
        float | None,
        typer.Option("--reference-voxel-size", metavar="A", help="With --match: of the reference, if it is wrong."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a prepared copy of a volume, in the place where the volume was. Choose one filter."""
    from ais.filters import AmplitudeSpectrum, filter_volume, mask_volume, spectrum_of

    chosen = {
        kind: value
        for kind, value in {
            "match": match,
            "gaussian": gaussian,
            "median": median,
            "anisotropic": anisotropic,
            "invert": "" if invert else None,
            "bin": bin_,
            "swap-axes": swap_axes,
            "mask": mask,
        }.items()
        if value is not None
    }
    if len(chosen) != 1:
        raise AisError(
            "Choose one of --match, --gaussian, --median, --anisotropic, --invert, --bin, --swap-axes, --mask."
        )
    if mask is None and (outside or threshold is not None):
        raise AisError("--outside and --threshold say how a mask is used: give --mask MASK as well.")
    if mask is not None and voxel_size is not None:
        raise AisError("--mask needs no voxel size and keeps that of the file: leave out --voxel-size.")
    if (median is None and cube) or (match is None and reference_voxel_size is not None):
        raise AisError("--cube belongs to --median, and --reference-voxel-size to --match.")
    ((kind, value),) = chosen.items()
    check_voxel_option(voxel_size)
    check_voxel_option(reference_voxel_size)
    source, target = Path(input_), Path(output)
    if mask is None:
        with closing(Tomogram.open(source, voxel_size)) as volume:
            volume.require_voxel_size()
    check_output(target, overwrite=overwrite, inputs=[source, *(Path(other) for other in (match, mask) if other)])
    with terminal_progress("Filtering") as progress:
        if mask is not None:
            mask_volume(source, target, mask, outside=outside, threshold=threshold, progress=progress)
        else:
            meant: float | int | str | AmplitudeSpectrum | None = None if invert else value
            if match is not None and reference_voxel_size is not None:
                meant = spectrum_of(match, reference_voxel_size, folder=target.parent)
            dimensions = 3 if cube else 2
            filter_volume(source, target, kind, meant, dimensions=dimensions, voxel_size=voxel_size, progress=progress)
    show(str(target))
