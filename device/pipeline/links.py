"""Queues between stages: one for each pair of replicas, so that frames cannot overtake each other.

Frame i is the work of replica i mod r of every stage. A replica therefore knows from which replica of the
stage before its next frame comes, and to which of the next stage it goes; each queue has one writer and one
reader. Nothing is ever sorted: the order holds because everybody reads and writes in turn.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from math import lcm
from queue import Empty, SimpleQueue
from typing import Literal

from device.pipeline.frames import Frame


class Signal(Enum):
    """What besides frames travels through a queue."""

    END = "end"
    """No frame will follow: whoever reads it passes it on and leaves."""

    FINISHED = "finished"
    """The source made a pause: the consumer may stop waiting."""


Token = Frame | Literal[Signal.END, Signal.FINISHED]
Get = Callable[[], Token]
Put = Callable[[Token], None]


class Links:
    """The queues between two neighbouring stages.

    Args:
        writers: Replicas of the stage before.
        readers: Replicas of the stage behind.
    """

    def __init__(self, writers: int, readers: int) -> None:
        self._writers = writers
        self._readers = readers
        self._rounds = lcm(writers, readers)
        self._queues: dict[tuple[int, int], SimpleQueue[Token]] = {
            (i % writers, i % readers): SimpleQueue() for i in range(self._rounds)
        }

    def puts(self, writer: int) -> Sequence[Put]:
        """Where a replica's frames go: its first, second, ... to these in turn."""
        numbers = range(writer, self._rounds, self._writers)
        return [self._queues[writer, number % self._readers].put for number in numbers]

    def gets(self, reader: int) -> Sequence[Get]:
        """Where a replica's frames come from: its first, second, ... from these in turn."""
        numbers = range(reader, self._rounds, self._readers)
        return [self._queues[number % self._writers, reader].get for number in numbers]

    def entries(self, reader: int) -> Sequence[Put]:
        """The other ends of `gets`, in the same order."""
        numbers = range(reader, self._rounds, self._readers)
        return [self._queues[number % self._writers, reader].put for number in numbers]

    def end(self) -> None:
        """Tells all readers that nothing follows."""
        for queue in self._queues.values():
            queue.put(Signal.END)

    def cut(self) -> None:
        """Throws away what waits and tells all readers that nothing follows."""
        for queue in self._queues.values():
            try:
                while True:
                    queue.get_nowait()
            except Empty:
                queue.put(Signal.END)
