"""A plan as one page for a browser, complete in itself: no network, no script, light and dark, wide and narrow."""

from host.report.html.sections import report_html

__all__ = ["report_html"]
