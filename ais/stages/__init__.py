"""Tomograms of a folder segmented and measured in stages whose results lie in folders: pieces, predictions, volumes."""

from ais.stages.grid import Place, places
from ais.stages.run import run_stages
from ais.stages.settings import STAGES, StageResult, StageSettings

__all__ = ["STAGES", "Place", "StageResult", "StageSettings", "places", "run_stages"]
