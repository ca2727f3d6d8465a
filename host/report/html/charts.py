"""Charts of plain boxes: they scale with the window, and their texts do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from host.report.html.elements import Element, element, styled

COLOURS = 6
"""So many colours there are in the style: `--c0` and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a chart.

    Attributes:
        label: What it stands for.
        value: How long it is.
        text: What stands beside it.
        colour: Number of its colour; None for grey.
    """

    label: str
    value: float
    text: str
    colour: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something that takes a while.

    Attributes:
        start: When it begins.
        end: When it ends.
        text: What stands inside, where there is room.
        title: What is said of it where the mouse rests.
        colour: Number of its colour.
        is_odd: Whether it is shaded, to tell it from its neighbours.
    """

    start: float
    end: float
    text: str
    title: str
    colour: int
    is_odd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a scatter chart.

    Attributes:
        x: To the right.
        y: Upwards.
        title: What is said of it where the mouse rests.
        is_chosen: Whether it stands out.
    """

    x: float
    y: float
    title: str
    is_chosen: bool = False


def colour(number: int | None) -> str:
    """A colour of the style."""
    return "var(--grey)" if number is None else f"var(--c{number % COLOURS})"


def bars(rows: Sequence[Bar]) -> Element:
    """Horizontal bars, one under the other."""
    longest = max((row.value for row in rows), default=0.0) or 1.0
    return element(
        "div.bars",
        *(
            element(
                "div.bar",
                element("span.label", row.label),
                element(
                    "span.track",
                    styled(
                        "span.fill", f"width:{_percent(row.value / longest)};background:{colour(row.colour)}"
                    ),
                ),
                element("span.value", row.text),
            )
            for row in rows
        ),
    )


def columns(values: Sequence[tuple[float | None, str, int | None]], most: float) -> Element:
    """Vertical bars side by side.

    Args:
        values: Height, description and colour of each; no height where there is nothing.
        most: The height of the chart.
    """
    return element(
        "div.columns",
        *(
            styled(
                "span.column",
                f"height:{_percent((value or 0.0) / (most or 1.0))};background:{colour(number)}",
                title=title,
            )
            for value, title, number in values
        ),
    )


def timeline(lanes: Sequence[tuple[str, Sequence[Block]]], end: float) -> Element:
    """What happens when, a lane under the other."""
    return element(
        "div.timeline",
        *(
            element(
                "div.lane",
                element("span.label", label),
                element(
                    "span.track",
                    *(
                        styled(
                            "span.block.odd" if block.is_odd else "span.block",
                            f"left:{_percent(block.start / end)};width:{_percent((block.end - block.start) / end)};"
                            f"background:{colour(block.colour)}",
                            block.text,
                            title=block.title,
                        )
                        for block in blocks
                    ),
                ),
            )
            for label, blocks in lanes
        ),
    )


def scatter(
    dots: Sequence[Dot], x_axis: str, y_axis: str, x_ends: tuple[str, str], y_ends: tuple[str, str]
) -> Element:
    """Points by two numbers.

    Args:
        dots: The points; those that stand out come last, so that nothing hides them.
        x_axis: What lies to the right.
        y_axis: What lies upwards.
        x_ends: The smallest and the largest x, as texts.
        y_ends: The smallest and the largest y.
    """
    left, right = min(dot.x for dot in dots), max(dot.x for dot in dots)
    low, high = min(dot.y for dot in dots), max(dot.y for dot in dots)
    return element(
        "div.scatter",
        element(
            "div.axis.up", element("span", y_ends[1]), element("span", y_axis), element("span", y_ends[0])
        ),
        element(
            "div.field",
            *(
                styled(
                    "span.dot.chosen" if dot.is_chosen else "span.dot",
                    f"left:{_percent(_share(dot.x, left, right))};bottom:{_percent(_share(dot.y, low, high))}",
                    title=dot.title,
                )
                for dot in sorted(dots, key=lambda dot: dot.is_chosen)
            ),
        ),
        element(
            "div.axis.along", element("span", x_ends[0]), element("span", x_axis), element("span", x_ends[1])
        ),
    )


def _share(value: float, least: float, most: float) -> float:
    return (value - least) / (most - least) if most > least else 0.5


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.3f}%"
