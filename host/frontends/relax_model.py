"""The last step of a frontend: an ONNX model becomes one Relax module."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from host.frontends.tensors import TensorInfo

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxModel:
    """A network as TVM takes it.

    Attributes:
        module: A `tvm.IRModule` whose `main` is one dataflow block of Relax operators with static shapes and
            with the weights as constants.
        inputs: The parameters of `main`, in order, by the names that the model gives them.
        outputs: The results of `main`, in order, by the names that the model gives them.
    """

    module: Any
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


def to_relax(model: "ModelProto") -> RelaxModel:
    """Checks and simplifies a model, and imports it into TVM.

    Constant parts are computed, batch norms disappear in the convolutions before them, clips are recognised.

    Args:
        model: With its external data loaded and with static input shapes, as `ModelSource.build` gives it.

    Raises:
        InputError: The model is not valid, or it holds something that is not supported.
    """
    from host.frontends.simplification import simplified
    from host.frontends.tvm_import import import_graph

    return import_graph(simplified(model))
