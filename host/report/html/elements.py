"""HTML as a tree, so that whatever stands in a name comes out as text."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from importlib.resources import files

Element = ET.Element
Child = Element | str | None


def element(tag: str, *children: Child, attributes: Mapping[str, str] | None = None) -> Element:
    """An element.

    Args:
        tag: Its tag, with a class after a dot where it has one: `div.bar`.
        children: Elements and texts; what is missing is left out.
        attributes: Others than the class.
    """
    name, _, kind = tag.partition(".")
    made = ET.Element(name, {**({"class": kind.replace(".", " ")} if kind else {}), **(attributes or {})})
    last: Element | None = None
    for child in children:
        if child is None:
            continue
        if not isinstance(child, str):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def styled(tag: str, style: str, *children: Child, title: str | None = None) -> Element:
    """An element with a style of its own, and a text that appears where the mouse rests on it."""
    attributes = {"style": style} | ({"title": title} if title else {})
    return element(tag, *children, attributes=attributes)


def page(title: str, *children: Child) -> str:
    """A whole document with its style inside."""
    style = files("host.report.html").joinpath("style.css").read_text(encoding="utf-8")
    viewport = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    head = element(
        "head",
        element("meta", attributes={"charset": "utf-8"}),
        element("meta", attributes=viewport),
        element("title", title),
        element("style", style),
    )
    root = element("html", head, element("body", element("main", *children)), attributes={"lang": "en"})
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"
