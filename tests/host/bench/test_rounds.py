"""Contenders take turns, round after round, on an injected clock."""

from host.bench import Contender, Engine, Mode, Turn
from host.bench.rounds import MIN_ROUNDS, TURN_S, play

CONTENDERS = [Contender(engine=Engine.STAGELINE, mode=mode) for mode in (Mode.SINGLE_CORE, Mode.PIPELINE)]
ONE, PIPE = (contender.name for contender in CONTENDERS)


class Board:
    """Notes who had a turn; a turn takes as long as it was asked to, times a factor."""

    def __init__(self, slowness: float = 1.0) -> None:
        self.now_s = 0.0
        self.turns: list[tuple[str, float]] = []
        self._slowness = slowness

    def take_turn(self, contender: Contender, seconds: float) -> Turn:
        self.now_s += seconds * self._slowness
        self.turns.append((contender.name, seconds))
        return Turn(latency_ms=float(len(self.turns)), throughput_fps=1.0, frames=1)

    def clock(self) -> float:
        return self.now_s


def test_every_contender_has_one_turn_a_round_and_the_first_round_does_not_count() -> None:
    board = Board()
    first, second = play(CONTENDERS, board.take_turn, 6 * TURN_S, clock=board.clock)
    names = [name for name, _ in board.turns]
    assert names[:2] == [ONE, PIPE]
    assert names[2:] == [ONE, PIPE, PIPE, ONE, ONE, PIPE]
    assert [turn.latency_ms for turn in first.turns] == [3, 6, 7]
    assert [turn.latency_ms for turn in second.turns] == [4, 5, 8]


def test_rounds_go_on_until_the_time_is_used_up() -> None:
    board = Board()
    entries = play(CONTENDERS, board.take_turn, 20 * TURN_S, clock=board.clock)
    assert {len(entry.turns) for entry in entries} == {10}
    assert {seconds for _, seconds in board.turns[2:]} == {TURN_S}


def test_little_time_makes_short_turns_and_not_fewer_rounds() -> None:
    board = Board()
    entries = play(CONTENDERS, board.take_turn, 0.06, clock=board.clock)
    assert {len(entry.turns) for entry in entries} == {MIN_ROUNDS}
    assert max(seconds for _, seconds in board.turns) <= 0.06 / MIN_ROUNDS / 2


def test_slow_networks_get_their_rounds_all_the_same() -> None:
    board = Board(slowness=50)
    entries = play(CONTENDERS, board.take_turn, 1.0, clock=board.clock)
    assert {len(entry.turns) for entry in entries} == {MIN_ROUNDS}


def test_progress_names_round_and_contender() -> None:
    board = Board()
    heard: list[tuple[int, str]] = []
    play(
        CONTENDERS,
        board.take_turn,
        0.01,
        progress=lambda number, contender: heard.append((number, contender.name)),
        clock=board.clock,
    )
    assert heard[:4] == [(0, ONE), (0, PIPE), (1, ONE), (1, PIPE)]
    assert heard[-1] == (MIN_ROUNDS, PIPE)
