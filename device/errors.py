"""What can go wrong on the board.

DeviceError
+-- ProgramError        a program that cannot be run
+-- BundleError         a bundle that is damaged, incomplete or made for other versions
+-- PinningError        threads could not be bound to their CPUs
+-- FrameError          a frame whose arrays do not fit the pipeline's inputs
+-- StageFailedError    a stage of a running pipeline failed
+-- PipelineStateError  a pipeline was asked for something that it cannot do now
+-- ContestError        engines cannot be measured side by side
+-- ReferenceEngineError  the engine to compare with does not take the model
+-- ClocksError         clocks cannot be set or brought back
+-- VoidMeasurementError  the clocks changed during every measurement
+-- BoardFileError      a board file that does not describe this machine
+-- PowerSourceError    a source of power readings that cannot be used
+-- LeaseHeldError      somebody else holds the board
+-- LeaseExpiredError   the lease is unknown or has ended
+-- ChildError          a child process of the agent failed
+-- CudaError           the board's CUDA lacks something, or refuses a kernel
+-- RelayedError        what a child process reported before it ended
"""


class DeviceError(Exception):
    """A failure with one sentence for the user and, where there is one, a remedy.

    Args:
        message: What failed, with the value and the limit or cause, in one sentence.
        hint: What to do about it; empty when there is nothing to advise.
    """

    code: str = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ProgramError(DeviceError):
    """A program that cannot be run."""

    code = "bad_input"


class BundleError(DeviceError):
    """A bundle that is damaged, incomplete or made for other versions."""

    code = "bad_input"


class PinningError(DeviceError):
    """Threads could not be bound to their CPUs."""

    code = "pinning"


class FrameError(DeviceError):
    """A frame whose arrays do not fit the pipeline's inputs."""

    code = "bad_input"


class StageFailedError(DeviceError):
    """A stage of a running pipeline failed.

    Args:
        stage: Index of the stage.
        frame: Number of the frame that it was working on.
        cause: What it said.
    """

    code = "stage_failed"

    def __init__(self, stage: int, frame: int, cause: str) -> None:
        super().__init__(f"stage {stage} failed on frame {frame}: {cause}")
        self.stage = stage
        self.frame = frame


class PipelineStateError(DeviceError):
    """A pipeline was asked for something that it cannot do now."""

    code = "pipeline_state"


class ContestError(DeviceError):
    """Engines cannot be measured side by side."""

    code = "contest"


class ReferenceEngineError(DeviceError):
    """The engine to compare with does not take the model."""

    code = "bad_input"


class BoardFileError(DeviceError):
    """A board file that does not describe this machine."""

    code = "bad_input"


class ClocksError(DeviceError):
    """Clocks cannot be set or brought back."""

    code = "clocks"


class VoidMeasurementError(DeviceError):
    """The clocks changed during every measurement."""

    code = "unsteady"


class PowerSourceError(DeviceError):
    """A source of power readings that cannot be used."""

    code = "bad_input"


class LeaseHeldError(DeviceError):
    """Somebody else holds the board.

    Args:
        holder: Who holds it.
    """

    code = "board_busy"

    def __init__(self, holder: str) -> None:
        super().__init__(f"the board is leased to {holder}", hint="wait until it is free, or ask its holder")
        self.holder = holder


class LeaseExpiredError(DeviceError):
    """The lease is unknown or has ended."""

    code = "lease_expired"


class ChildError(DeviceError):
    """A child process of the agent failed."""

    code = "child_failed"


class CudaError(DeviceError):
    """The board's CUDA lacks something, or refuses a kernel."""

    code = "cuda"


class RelayedError(DeviceError):
    """What a child process reported before it ended.

    Args:
        code: The code of the error there.
        message: Its message.
        hint: Its hint.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code
