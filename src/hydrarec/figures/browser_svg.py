"""Figures as inline SVG for a page: selectable text, tooltips, and legend entries that toggle curves.

The page's style sheet and script use the classes: ``legend`` toggles all elements with the same ``data-series``.
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
    """Give ``artist`` the class ``kind``, a series number and a tooltip in the SVG."""
    artist.set_gid(f"{kind}-{series}")
    artist.set_label(tooltip)


def inline_svg(figure: Figure, name: str) -> str:
    """An ``<svg>`` element, deterministic for a given figure; ``name`` makes its ids unique on the page."""
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
    """``element`` without parts that the page does not need; a group without attributes is replaced by its children."""
    tag = element.tag.rpartition("}")[2]  # inline SVG in HTML needs no namespaces
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
    """An attribute value without its font family, and with coordinates rounded to hundredths of a pixel."""
    value = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", " ".join(value.split()))
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
