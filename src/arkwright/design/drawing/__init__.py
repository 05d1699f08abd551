"""Drawings of a design as SVG text: each a pure function of a small struct, usable alone.

Every drawing carries its own style, follows the reader's light or dark scheme, names its units and
asks nothing of the network. `report.page` puts them into one HTML file.
"""

from arkwright.design.drawing.cost import CostBar, cost_bars
from arkwright.design.drawing.fabric import FabricSketch, TierSketch, fabric_tiers
from arkwright.design.drawing.gantt import GanttBar, GanttSketch, gantt
from arkwright.design.drawing.hall import HallSketch, hall_plan
from arkwright.design.drawing.rack import RackSketch, Slot, rack_elevation
from arkwright.design.drawing.sankey import Flow, Station, sankey
from arkwright.design.drawing.scatter import Dot, Panel, scatters
from arkwright.design.drawing.single_line import Stage, single_line

__all__ = [
    "CostBar",
    "Dot",
    "FabricSketch",
    "Flow",
    "GanttBar",
    "GanttSketch",
    "HallSketch",
    "Panel",
    "RackSketch",
    "Slot",
    "Stage",
    "Station",
    "TierSketch",
    "cost_bars",
    "fabric_tiers",
    "gantt",
    "hall_plan",
    "rack_elevation",
    "sankey",
    "scatters",
    "single_line",
]
