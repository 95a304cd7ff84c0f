"""Figures as inline SVG for a page: text that can be selected, tooltips, and names that switch curves off and on.

The page's style sheet and script know the classes: ``legend`` switches everything of the same ``data-series``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.figure import Figure


def mark(artist: Artist, kind: str, series: int, tooltip: str = "") -> None:
    """Let ``artist`` become an element of class ``kind`` in the page, with what a resting mouse shows."""
    artist.set_gid(f"{kind}-{series}")
    artist.set_label(tooltip)


def inline_svg(figure: Figure, name: str) -> str:
    """An ``<svg>`` element, the same for the same figure; ``name`` keeps its ids apart from those of others on a page."""
    tooltips = {str(artist.get_gid()): str(artist.get_label()) for artist in figure.findobj(_is_marked)}
    for patch in (figure.patch, *(axis.patch for axis in figure.axes)):
        patch.set_visible(False)  # the page has a background
    stream = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg")
    text = stream.getvalue()
    [root] = _tidy(ElementTree.fromstring(text), tooltips, set(re.findall(r"#([\w-]+)", text)))
    box = root.attrib["viewBox"]
    width = f"max-width: {1.4 * float(box.split()[2]):.0f}px"
    title = " ".join(axis.get_title(loc="left") for axis in figure.axes)
    root.attrib = {"class": "chart", "role": "img", "aria-label": title, "viewBox": box, "style": width}
    return ElementTree.tostring(root, encoding="unicode")


def _is_marked(artist: Artist) -> bool:
    return artist.get_gid() is not None


def _tidy(element: Element, tooltips: Mapping[str, str], referenced: Collection[str]) -> list[Element]:
    """``element`` without what a page does not need; only its children where it is a bare group."""
    tag = element.tag.rpartition("}")[2]  # HTML knows SVG without namespaces
    if tag in ("metadata", "style"):
        return []
    tidy = Element(tag, {key.rpartition("}")[2]: _shortened(value) for key, value in element.attrib.items()})
    tidy.text = element.text if tag == "text" else None
    gid = tidy.get("id", "")
    if gid not in referenced:
        tidy.attrib.pop("id", None)
    if tidy.get("transform", "").startswith("rotate(-0 "):
        del tidy.attrib["transform"]
    if gid in tooltips:
        kind, _, series = gid.rpartition("-")
        tidy.attrib |= {"class": kind, "data-series": series}
        if tooltips[gid]:
            SubElement(tidy, "title").text = tooltips[gid]
    for child in element:
        tidy.extend(_tidy(child, tooltips, referenced))
    return list(tidy) if tag == "g" and not tidy.attrib else [tidy]


def _shortened(value: str) -> str:
    """An attribute in the font of the page, with hundredths of a pixel."""
    value = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", " ".join(value.split()))
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
