"""Moving tensors to another device and back: measured by size, stored like profiles, planned with as a line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from db.records import Profile, ProfileStatus
from db.store import Store
from host.placement import Placement

IN, OUT = "in", "out"
"""Into the device's memory, and out of it."""

_PREFIX = "transfer"
_FASTEST = 1e12
"""Bytes a second, where size makes no difference that could be measured."""


def layer_hash(direction: str, size: int) -> str:
    """What stands where a profile has the hash of its layer."""
    return f"{_PREFIX}:{direction}:{size}"


def transfer_profiles(
    placement: Placement, samples_us: Mapping[str, Mapping[str, Sequence[float]]]
) -> Iterator[Profile]:
    """Measured copies as profiles.

    Args:
        placement: On the device.
        samples_us: For each direction, for each size in bytes, the board's samples.
    """
    for direction, by_size in samples_us.items():
        for size, samples in by_size.items():
            median = float(np.median(samples))
            yield Profile(
                layer_hash=layer_hash(direction, int(size)),
                environment=placement.environment,
                processor=placement.processor,
                cores=placement.cores,
                level=placement.level,
                latency_us=median,
                latency_mad_us=float(np.median(np.abs(np.asarray(samples) - median))),
                samples_us=tuple(samples),
                status=ProfileStatus.STEADY,
                measured_at=datetime.now(UTC),
            )


def transfer_rows(store: Store, placements: Iterable[Placement], cpus: Sequence[str]) -> list[dict[str, Any]]:
    """The transfers of a `stageline.profile/1` document, between every CPU cluster and every other device.

    Args:
        store: The profile database.
        placements: Where layers were measured; of several levels of a device the first one counts.
        cpus: Names of the processors whose memory is the process's own.
    """
    devices: dict[str, Placement] = {}
    for placement in placements:
        if placement.device != "cpu":
            devices.setdefault(placement.processor, placement)
    rows = []
    for device, placement in devices.items():
        lines = {direction: _line(_stored(store, placement, direction)) for direction in (IN, OUT)}
        for cpu in cpus:
            for source, target, direction in ((cpu, device, IN), (device, cpu, OUT)):
                if line := lines[direction]:
                    rows.append({"from": source, "to": target, **line})
    return rows


def _stored(store: Store, placement: Placement, direction: str) -> dict[int, Profile]:
    """The newest profiles of copies by size."""
    found: dict[int, Profile] = {}
    for fingerprint in placement.fingerprints:
        for profile in store.profiles_like(fingerprint, f"{_PREFIX}:{direction}:"):
            if (profile.processor, profile.cores, profile.level) == placement.key:
                size = int(profile.layer_hash.rpartition(":")[2])
                if size not in found or found[size].measured_at < profile.measured_at:
                    found[size] = profile
    return found


def _line(profiles: Mapping[int, Profile]) -> dict[str, Any] | None:
    """Latency and bandwidth that fit the measured times best, by their relative errors."""
    if not profiles:
        return None
    sizes = np.array(sorted(profiles), dtype=np.float64)
    times = np.array([profiles[int(size)].latency_us for size in sizes])
    slope, start = np.polyfit(sizes, times, 1, w=1 / times) if len(sizes) > 1 else (0.0, times[0])
    energies = [profile.energy_uj for profile in profiles.values() if profile.energy_uj is not None]
    return {
        "latency_us": max(0.0, float(start)),
        "bytes_per_s": min(_FASTEST, 1e6 / slope) if slope > 0 else _FASTEST,
        "energy_uj": energies[0] if energies else None,
    }
