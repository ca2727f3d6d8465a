"""A thread that takes frames from an iterable and submits them."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from device.errors import PipelineStateError, StageFailedError

T = TypeVar("T")


class Feeder(Generic[T]):
    """Feeds a pipeline.

    Args:
        frames: What to feed.
        submit: Takes one frame.
        finish: Called after the last.
    """

    def __init__(
        self, frames: Iterable[T], *, submit: Callable[[T], None], finish: Callable[[], None]
    ) -> None:
        self._frames = frames
        self._submit = submit
        self._finish = finish
        self._is_stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._main, name="feeder", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Submits nothing more; nobody can wake an iterable that waits for its next frame, so it is left."""
        self._is_stopped = True

    def check(self) -> None:
        """Complains about what went wrong so far.

        Raises:
            Exception: What the iterable or a frame of it raised.
        """
        if self._error is not None:
            raise self._error

    def _main(self) -> None:
        with suppress(
            PipelineStateError, StageFailedError
        ):  # the consumer learns these from the pipeline itself
            try:
                self._feed()
            except (PipelineStateError, StageFailedError):
                raise
            except Exception as error:  # check() raises it in the consumer's thread
                self._error = error
            if not self._is_stopped:
                self._finish()

    def _feed(self) -> None:
        for frame in self._frames:
            if self._is_stopped:
                return
            self._submit(frame)
