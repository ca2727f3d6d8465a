"""Which kernels a search is spent on, and how its trials are shared out between them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from host.kernels.cpu.tiling import direct_candidates
from host.kernels.machines import describe_cpu
from host.kernels.specs import Convolution, Spec
from host.kernels.variants import Analytic, Winograd, analytic_of, variant_of
from host.layers.choice import main_call
from host.layers.graph import Choice, LayerGraph, distinct


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kernel that is worth a search.

    Attributes:
        kernel: Its digest.
        spec: What it computes.
        base: The analytic variant that a search begins from; both read the weights in one order.
        rival: The analytic variant to beat: the base itself, or one with a transformation.
        layers: Names of the layers that spend their time in it.
        time_us: How long a frame spends in those layers.
    """

    kernel: str
    spec: Spec
    base: Analytic
    rival: Analytic
    layers: tuple[str, ...]
    time_us: float


def tasks_of(
    graph: LayerGraph, choice: Choice, latencies_us: Mapping[str, float], target: Mapping[str, Any]
) -> tuple[Task, ...]:
    """The kernels in which a network spends its time on a placement, the greatest part first.

    Args:
        graph: The network.
        choice: How its layers are scheduled there.
        latencies_us: Of its layers, by structural hash.
        target: TVM's target of the placement's processor as a dictionary.
    """
    counts = Counter(layer.structural_hash for layer in graph.layers)
    times: dict[str, float] = defaultdict(float)
    names: dict[str, list[str]] = {}
    used: dict[str, Analytic] = {}
    for key, layer in distinct(graph.layers).items():
        if layer.calls_of(choice[key]) is not layer.calls:
            continue  # kernels that compute several operators at once are not defined by plain loops
        main = main_call(graph, layer)
        kernel = layer.calls[main].kernel
        times[kernel] += counts[key] * latencies_us[key]
        names.setdefault(kernel, []).append(layer.name)
        used.setdefault(kernel, analytic_of(variant_of(choice[key][main])))
    return tuple(
        Task(
            kernel=kernel,
            spec=graph.kernels[kernel],
            base=_base(graph.kernels[kernel], used[kernel], target),
            rival=used[kernel],
            layers=tuple(names[kernel]),
            time_us=time,
        )
        for kernel, time in sorted(times.items(), key=lambda item: -item[1])
    )


def next_task(times_us: Sequence[float], trials: Sequence[int]) -> int:
    """Who gets the next trials: in the end everybody's trials are in proportion to its time (D'Hondt's method).

    Args:
        times_us: What each task could save at most; 0 or less for a task that gets no more.
        trials: How many each had already.
    """
    return max(range(len(times_us)), key=lambda index: times_us[index] / (trials[index] + 1))


def _base(spec: Spec, rival: Analytic, target: Mapping[str, Any]) -> Analytic:
    """The variant that a search begins from: the one to beat, or plain loops in place of a transformation."""
    if isinstance(spec, Convolution) and isinstance(rival, Winograd):
        return direct_candidates(spec, describe_cpu(target))[0]
    return rival
