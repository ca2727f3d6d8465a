"""From a network's name or file to one Relax module. Importing this loads neither ONNX nor TVM."""

from host.frontends.relax_model import RelaxModel, to_relax
from host.frontends.source import Builtin, ModelSource, builtins, resolve
from host.frontends.tensors import TensorInfo

__all__ = ["Builtin", "ModelSource", "RelaxModel", "TensorInfo", "builtins", "resolve", "to_relax"]
