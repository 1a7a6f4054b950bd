"""One HTML page that holds all it needs and opens without a network: what the report and the comparison share."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from twin.errors import InputError, Problem


def page(title: str, body: str) -> str:
    """Return a whole page; ``body`` is HTML."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{_asset("report.css")}</style>
</head>
<body>
<main>
{body}
</main>
<script>{get_plotlyjs()}</script>
<script>{_asset("report.js")}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files("twin.analysis").joinpath("assets", name).read_text(encoding="utf-8")


def figure_html(drawn: go.Figure) -> str:
    """Return a figure for a page, which gives it the colours of text, ground and grid."""
    drawn.update_layout(
        template="none",
        margin={"l": 62, "r": 14, "t": 40, "b": 40},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "yref": "paper"},
    )
    drawn.update_xaxes(automargin=True).update_yaxes(automargin=True)
    content = drawn.to_json().replace("</", "<\\/")
    return f'<div class="figure"><script type="application/json">{content}</script></div>'


def save(text: str, target: Path, what: str) -> None:
    """Write a file so that it is there whole or not at all. Raises InputError if it cannot be written."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as mistake:
        raise InputError(Problem(f"cannot write the {what}: {mistake.strerror}", file=str(target))) from None
