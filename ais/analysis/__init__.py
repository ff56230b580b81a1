"""What there is in segmented volumes: instances with their sizes, lengths and distances, tables and plots of them."""

from ais.analysis.distances import Distances, distances_between
from ais.analysis.distribution import Distribution, distribution
from ais.analysis.instances import Instances, measure_instances
from ais.analysis.labelling import Labelled, label_instances
from ais.analysis.shapes import Profile

__all__ = [
    "Distances",
    "Distribution",
    "Instances",
    "Labelled",
    "Profile",
    "distances_between",
    "distribution",
    "label_instances",
    "measure_instances",
]
