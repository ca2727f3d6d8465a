"""Kernels at random, from a seed: forms and epilogues of every kind.

Not strategies of hypothesis: it varies an example in small steps, and every step costs a compile. From seeds, a
hundred kernels are a hundred different ones; a test's name carries its seed.
"""

from random import Random

from host.kernels.epilogue import RESULT, Epilogue, Step
from host.kernels.forms import Form, Layout

_LAYOUTS: tuple[Layout, ...] = ("channels-last", "channels-last", "channels-first")
_CHANNELS = (1, 3, 4, 8, 16, 17, 31, 32, 48)

_BIAS = Step(operation="add", operands=(RESULT, "o0"))
_RELU = Step(operation="maximum", operands=("s0", 0.0))


def a_layout(random: Random) -> Layout:
    """Channels last more often than not."""
    return random.choice(_LAYOUTS)


def a_halo(random: Random, least: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """A halo of at least so many rows and columns."""
    return least[0] + random.choice((0, 0, 1)), least[1] + random.choice((0, 0, 1, 2))


def a_pair(random: Random, least: int, most: int) -> tuple[int, int]:
    """Two numbers, both ends included."""
    return random.randint(least, most), random.randint(least, most)


def a_channel_count(random: Random, most: int = 70) -> int:
    """A count around whole vectors, or any other."""
    return random.choice([count for count in _CHANNELS if count <= most] + [random.randint(1, most)] * 6)


def an_image(random: Random, *, batch: int, channels: int, height: int, width: int) -> Form:
    """An image that lies anyhow."""
    return Form(
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        layout=a_layout(random),
        halo=a_halo(random),
    )


def an_epilogue(random: Random, output: Form) -> Epilogue:
    """An epilogue with or without operands: a tensor of the output's shape, a number a channel, or both."""
    other = output
    if output.rank == 4:
        size = {"height": output.height, "width": output.width}
        other = an_image(random, batch=output.batch, channels=output.channels, **size)
    clip = (_BIAS, _RELU, Step(operation="minimum", operands=("s1", 1.0)))
    subtract = (_BIAS, Step(operation="subtract", operands=("o1", "s0")), _RELU)
    curve = (
        Step(operation="tanh", operands=(RESULT,)),
        Step(operation="multiply", operands=("s0", RESULT)),
    )
    gate = (
        Step(operation="multiply", operands=(RESULT, "o0")),
        Step(operation="sigmoid", operands=("s0",)),
    )
    return random.choice(
        [
            Epilogue(),
            Epilogue(operands=(None,), steps=(_BIAS, _RELU)),
            Epilogue(operands=(None,), steps=clip),
            Epilogue(operands=(other,), steps=(_BIAS,)),
            Epilogue(operands=(None, other), steps=subtract),
            Epilogue(steps=curve),
            Epilogue(operands=(None,), steps=gate),
        ]
    )
