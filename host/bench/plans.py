"""What Stageline deploys for each of its modes. Pure."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from host.bench.figures import Mode
from host.planner import Constraints, Plan, parse_profile, solve

if TYPE_CHECKING:
    from host.remote import BoardDescription

_ALONE = Constraints(max_stages=1, no_replicas=True)


def plans_of(document: Mapping[str, Any], board: "BoardDescription") -> dict[Mode, Plan]:
    """The plans whose figures are compared.

    On a board with several processors `single-core` is one core of the CPU cluster on which the network is fastest,
    `all-cores` the one processor that is fastest with all of its cores.

    Args:
        document: The network's profiles as `stageline.profile/1`.
        board: The board.
    """
    cores = {processor.name: processor.cores for processor in board.processors}
    clusters = {processor.name for processor in board.processors if processor.kind == "cpu"}

    def is_one_core(processor: str, used: int) -> bool:
        return processor in clusters and used == 1

    def is_whole(processor: str, used: int) -> bool:
        return used == cores[processor]

    return {
        Mode.SINGLE_CORE: _single(document, is_one_core),
        Mode.ALL_CORES: _single(document, is_whole),
        Mode.PIPELINE: solve(parse_profile(document)),
    }


def _single(document: Mapping[str, Any], is_wanted: Callable[[str, int], bool]) -> Plan:
    costs = [cost for cost in document["costs"] if is_wanted(cost["processor"], cost["cores"])]
    return solve(parse_profile({**document, "costs": costs}), _ALONE)
