"""What the staged runtime itself costs: null stages, so that nothing but the hand-over is left.

    python tests/bench/handover.py [--frames N]

For each arrangement two figures in microseconds, a frame and stage: `loaded`, the period divided by the
stages, with as many frames inside as fit; and `alone`, the latency of a single frame divided by the stages,
which has a thread switch in every hand-over. `ready` is how long a ready frame waited for its idle replica
under load, median.
"""

import argparse
import os
from collections.abc import Sequence

from device.pipeline.null import null_pipeline

TARGET_US = 100.0

Arrangement = Sequence[Sequence[Sequence[int]]]


def arrangements() -> dict[str, Arrangement]:
    """Stages with their replicas' CPUs."""
    cpus = sorted(os.sched_getaffinity(0))
    bound = [[[cpus[index % len(cpus)]]] for index in range(4)]
    return {
        "2 stages, bound": bound[:2],
        "4 stages, bound": bound,
        "4 stages, unbound": [[[]]] * 4,
        "replicas 2, 3, 1": [[[]] * 2, [[]] * 3, [[]]],
    }


def main() -> None:
    """Prints a table, and exits with 1 if a figure misses its target."""
    parser = argparse.ArgumentParser(description="hand-over cost of the staged runtime")
    parser.add_argument("--frames", type=int, default=20_000)
    frames = parser.parse_args().frames
    worst = 0.0
    print(f"{'arrangement':<20} {'loaded':>8} {'alone':>8} {'ready':>8}   us a frame and stage")
    for name, replica_cpus in arrangements().items():
        with null_pipeline(replica_cpus) as pipeline:
            report = pipeline.measure(frames)
        loaded = report.period_us / len(replica_cpus)
        alone = (report.unloaded_latency_us or 0.0) / len(replica_cpus)
        ready = max(stage.handover_us for stage in report.stages)
        worst = max(worst, loaded, alone)
        print(f"{name:<20} {loaded:8.1f} {alone:8.1f} {ready:8.1f}")
    print(f"worst {worst:.1f} us, target below {TARGET_US:.0f}")
    raise SystemExit(worst >= TARGET_US)


if __name__ == "__main__":
    main()
