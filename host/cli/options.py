"""Options that several verbs share."""

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from host.cli.parameters import Cut, InputShape, PositiveNumber, Rates
from host.errors import UsageError
from host.locations import default_database

if TYPE_CHECKING:
    from host.planner import Constraints
    from host.requests import ModelRequest

_F = TypeVar("_F", bound=Callable[..., Any])

Shapes = Sequence[tuple[str, tuple[int, ...]]]
"""What `--shape` gives."""

FILE = click.Path(path_type=Path)
"""A file; whether it can be read or written is found out where it is used, to give one kind of answer."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")


def _database(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    return value or str(default_database())


database = click.option(
    "--db",
    "database",
    metavar="PATH|URL",
    envvar="STAGELINE_DB",
    callback=_database,
    help="Profile database; by default $STAGELINE_DB, or one in your XDG data directory.",
)

board = click.option(
    "--board",
    metavar="NAME|HOST:PORT",
    help="A board of `host boards`, or the address of its agent; by default this machine.",
)

_MODEL = click.option(
    "--model", required=True, metavar="NAME|FILE", help="A network of `host models`, or an ONNX file."
)

_MODELS = click.option(
    "--model",
    "models",
    required=True,
    multiple=True,
    metavar="NAME|FILE",
    help="A network of `host models`, or an ONNX file; several share the board.",
)

_WEIGHTS = (
    click.option(
        "--shape",
        "shapes",
        type=InputShape(),
        multiple=True,
        metavar="NAME=1x3x224x224",
        help="Shape of an input that the file leaves open; may be repeated.",
    ),
    click.option(
        "--weights",
        type=FILE,
        metavar="FILE",
        help="Weights for a built-in network (.safetensors or .npz) with torchvision's names.",
    ),
)

_CONSTRAINTS = (
    click.option(
        "--max-stages", type=click.IntRange(min=1), metavar="N", help="Use no more stages than this."
    ),
    click.option("--no-replicas", is_flag=True, help="Run every stage once only."),
    click.option(
        "--min-fps", type=PositiveNumber(), metavar="FPS", help="Accept only plans that are this fast."
    ),
    click.option(
        "--max-latency-ms",
        type=PositiveNumber(),
        metavar="MS",
        help="Accept only plans that take a frame through in this time.",
    ),
    click.option(
        "--max-power-w",
        type=PositiveNumber(),
        metavar="W",
        help="Accept only plans with which the board draws no more than this on average.",
    ),
    click.option(
        "--source-fps", type=PositiveNumber(), metavar="FPS", help="Frames come at this rate and no faster."
    ),
    click.option("--use", multiple=True, metavar="PROCESSOR", help="Use this processor; may be repeated."),
    click.option(
        "--avoid", multiple=True, metavar="PROCESSOR", help="Leave this processor alone; may be repeated."
    ),
    click.option(
        "--cut",
        "cuts",
        type=Cut(),
        multiple=True,
        metavar="after=LAYER",
        help="End a stage after this layer; may be repeated.",
    ),
)

output = click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="Write the plan's JSON document to a file too."
)

plan = click.argument("plan", metavar="PLAN")
"""A plan's number in the database, or a file that `--output` wrote."""

again = click.option(
    "--again",
    is_flag=True,
    help="Measure anew what the database holds already; the new profiles replace the old.",
)

tune = click.option(
    "--tune",
    type=click.IntRange(min=1),
    default=None,
    metavar="TRIALS",
    help="Search for faster kernels with TVM's MetaSchedule, in so many trials on the board; "
    "again, and it goes on from what it found.",
)

energy = click.option(
    "--energy",
    is_flag=True,
    help="Measure the layers' energy, too, where the board has power rails: some seconds a layer.",
)

objective = click.option(
    "--objective",
    type=click.Choice(["throughput", "energy", "latency"]),
    default="throughput",
    show_default=True,
    help="What to look for: the most frames a second, the least energy a frame, or the shortest way of a frame.",
)

pareto = click.option(
    "--pareto",
    is_flag=True,
    help="Show all plans that no other beats in throughput, latency and energy at once.",
)

operating_points = click.option(
    "--operating-points",
    "points",
    multiple=True,
    metavar="all|NAME,...",
    help="Settings of the board's clocks to measure and plan for; by default the present one. Names of "
    "`host boards show`, or fixed clocks such as a57=1113600,gpu=1122000000 (kHz of CPUs, Hz of GPU and emc).",
)

frames = click.option(
    "--frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="Frames to measure with; by default as many as take two seconds.",
)


rates = click.option(
    "--fps",
    "rates_fps",
    type=Rates(),
    metavar="FPS,...",
    help="Frames a second of each network, where there are several; by default as many as all of them can have.",
)


def model(command: _F) -> _F:
    """Adds the options that say which network; `model_request` reads them."""
    return _all((_MODEL, *_WEIGHTS), command)


def models(command: _F) -> _F:
    """Adds the same options for one network or several."""
    return _all((_MODELS, *_WEIGHTS), command)


def constraints(command: _F) -> _F:
    """Adds the options that narrow down which plans are acceptable."""
    return _all(_CONSTRAINTS, command)


def model_request(model: str, shapes: Shapes, weights: Path | None) -> "ModelRequest":
    """Puts the options about the network together.

    Raises:
        UsageError: An input has two shapes.
    """
    from host.requests import ModelRequest

    by_name = dict(shapes)
    if len(by_name) != len(shapes):
        names = [name for name, _ in shapes]
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"input {twice!r} has more than one --shape")
    return ModelRequest(model=model, shapes=by_name, weights=weights)


def constraints_of(
    *,
    max_stages: int | None,
    no_replicas: bool,
    min_fps: float | None,
    max_latency_ms: float | None,
    max_power_w: float | None,
    source_fps: float | None,
    use: Sequence[str],
    avoid: Sequence[str],
    cuts: Sequence[str],
) -> "Constraints":
    """Puts the options about acceptable plans together.

    Raises:
        UsageError: They contradict each other.
    """
    from host.planner import Constraints

    return Constraints(
        max_stages=max_stages,
        no_replicas=no_replicas,
        min_fps=min_fps,
        max_latency_ms=max_latency_ms,
        max_power_w=max_power_w,
        source_fps=source_fps,
        use=tuple(use),
        avoid=tuple(avoid),
        cuts=tuple(cuts),
    )


def _all(options: Sequence[Callable[[_F], _F]], command: _F) -> _F:
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)
