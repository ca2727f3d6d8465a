"""Kinds of option values, each checked where the user typed it."""

import math
import re
from typing import Any

import click

_SHAPE = re.compile(r"[1-9]\d*(x[1-9]\d*)*")
_CUT_PREFIX = "after="


class PositiveNumber(click.ParamType[float]):
    """A finite number above zero; "nan" and "inf" are none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Reads the number."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number", param, ctx)
        if not (math.isfinite(number) and number > 0):
            self.fail(f"{value} is not above zero and finite", param, ctx)
        return number


class Rates(click.ParamType[tuple[float, ...]]):
    """Frames a second of several networks, such as `15,30`."""

    name = "rates"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Reads the numbers."""
        if isinstance(value, tuple):
            return value
        number = PositiveNumber()
        return tuple(number.convert(part, param, ctx) for part in str(value).split(","))


class InputShape(click.ParamType[tuple[str, tuple[int, ...]]]):
    """The shape of a model's input, such as `input=1x3x224x224`."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Reads name and shape."""
        if isinstance(value, tuple):
            return value
        name, _, shape = str(value).rpartition("=")
        if not name or not _SHAPE.fullmatch(shape):
            self.fail(f"{value!r} is not of the form NAME=1x3x224x224", param, ctx)
        return name, tuple(int(size) for size in shape.split("x"))


class Cut(click.ParamType[str]):
    """A border between stages, such as `after=conv1`."""

    name = "cut"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reads the name of the layer before the border."""
        text = str(value)
        if not text.startswith(_CUT_PREFIX) or text == _CUT_PREFIX:
            self.fail(f"{text!r} is not of the form after=LAYER", param, ctx)
        return text.removeprefix(_CUT_PREFIX)
