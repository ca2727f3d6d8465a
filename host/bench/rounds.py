"""Who has a turn when. Pure: turns and time come from outside."""

import time
from collections.abc import Callable, Sequence

from host.bench.figures import Contender, Entry, Turn

TURN_S = 0.3
"""Short enough that a machine's mood hardly changes within a round, long enough for a median."""

WARM_UP_TURN_S = 0.1
MIN_ROUNDS = 3

TakeTurn = Callable[[Contender, float], Turn]


def play(
    contenders: Sequence[Contender],
    take_turn: TakeTurn,
    seconds: float,
    *,
    progress: Callable[[int, Contender], None] = lambda number, contender: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Entry, ...]:
    """Gives every contender one turn a round, until the time is used up.

    The first round is not counted. Every other round goes backwards, so that a drift meets all alike.

    Args:
        contenders: Who takes turns.
        take_turn: Lets one run for so many seconds.
        seconds: For all rounds together; there are at least `MIN_ROUNDS`.
        progress: Told the number of the round and who is next.
        clock: Monotonic seconds.

    Returns:
        For each contender its turns.
    """
    turn_s = min(TURN_S, seconds / (MIN_ROUNDS * len(contenders)))
    turns: dict[str, list[Turn]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        progress(0, contender)
        take_turn(contender, min(turn_s, WARM_UP_TURN_S))
    begun, number = clock(), 0
    while number < MIN_ROUNDS or _has_time(clock() - begun, number, seconds):
        number += 1
        for contender in contenders if number % 2 else reversed(contenders):
            progress(number, contender)
            turns[contender.name].append(take_turn(contender, turn_s))
    return tuple(Entry(contender=one, turns=tuple(turns[one.name])) for one in contenders)


def _has_time(spent_s: float, rounds: int, seconds: float) -> bool:
    """Whether another round is more likely than not to end in time."""
    return spent_s + spent_s / rounds / 2 < seconds
