"""A run of the twin as one HTML file that a person would forward.

`told` is what it is given, `tally`, `waits`, `progress` and `figures` count, `words` and `panels`
say and draw it, `detail`, `heat`, `pack` and `embed` put the record into the page in a size that
opens at once, and `assets/` holds the style and the scripts that replay it.
"""

from arkwright.twin.power import Power, SitePower
from arkwright.twin.report.page import report_html
from arkwright.twin.report.told import Jobs, Labels, Told

__all__ = ["Jobs", "Labels", "Power", "SitePower", "Told", "report_html"]
