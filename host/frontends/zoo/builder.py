"""Builds a network's ONNX graph layer by layer, with parameters named as torchvision names them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from host.errors import InputError
from host.frontends.parameters import Array, ParameterSource
from host.frontends.zoo.catalog import Architecture
from host.frontends.zoo.moments import Moments, mixture

OPSET = 17
_IR_VERSION = 8  # the one that came with opset 17, so that older readers take the files too

Pair = int | tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An activation.

    Attributes:
        name: Its name in the graph.
        shape: `(batch, channels, height, width)` or `(batch, features)`.
        moments: About how its elements are distributed when the parameters are random.
    """

    name: str
    shape: tuple[int, ...]
    moments: Moments

    @property
    def channels(self) -> int:
        """Extent of the channel axis."""
        return self.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """What slides over an image; with `ceil` its last position may hang over the edge."""

    kernel: tuple[int, int]
    stride: int
    padding: tuple[int, int]
    ceil: bool = False

    def attributes(self) -> dict[str, Sequence[int]]:
        return {"kernel_shape": self.kernel, "strides": _pair(self.stride), "pads": self.padding * 2}

    def positions(self, extent: int, axis: int) -> int:
        """How many there are along an axis; none where the image is smaller than the window."""
        pad = self.padding[axis]
        room = extent + 2 * pad - self.kernel[axis]
        if room < 0:
            return 0
        steps = -(-room // self.stride) if self.ceil else room // self.stride
        # A window that would begin in the padding behind the image does not count.
        if self.ceil and steps * self.stride >= extent + pad:
            steps -= 1
        return steps + 1


class NetworkBuilder:
    """Collects nodes and parameters; each method adds one layer and returns what comes out of it.

    A layer with parameters is named by its path in torchvision's module tree, `layer1.0.conv1`; its
    parameters are the path with `.weight`, `.bias` and so on behind it.

    Args:
        name: The network's name.
        parameters: Where weights come from.
    """

    def __init__(self, name: str, parameters: ParameterSource) -> None:
        self._name = name
        self._parameters = parameters
        self._constants: set[str] = set()
        # Everything goes into this one message at once: a finished part would be copied, weights and all.
        self._model = ModelProto(
            ir_version=_IR_VERSION, producer_name="stageline", opset_import=[helper.make_opsetid("", OPSET)]
        )
        self._model.graph.name = name

    def image(self, shape: tuple[int, int, int, int]) -> Value:
        """The network's only input, `input`: an image that was normalised to about unit variance."""
        self._model.graph.input.append(helper.make_tensor_value_info("input", TensorProto.FLOAT, shape))
        return Value(name="input", shape=shape, moments=Moments())

    def conv(
        self,
        value: Value,
        path: str,
        channels: int,
        kernel: Pair,
        *,
        stride: int = 1,
        padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        spread: float | None = None,
    ) -> Value:
        """A 2-D convolution.

        Args:
            value: What goes in.
            path: The layer's name.
            channels: Output channels.
            kernel: Height and width of the kernel.
            stride: Same along both axes.
            padding: On each side of height and of width.
            groups: As many as input channels for a depthwise convolution.
            bias: Whether it has one.
            spread: Standard deviation that random parameters should give its output; None to keep the mean
                square through the ReLU behind it (He et al., arXiv:1502.01852).
        """
        window = _Window(kernel=_pair(kernel), stride=stride, padding=_pair(padding))
        weight_shape = (channels, value.channels // groups, *window.kernel)
        names, moments = self._weighted(value, path, weight_shape, bias=bias, spread=spread)
        shape = self._slid(value, path, channels, window)
        options = {"group": groups, **window.attributes()}
        return self._add("Conv", path, [value.name, *names], shape, moments, **options)

    def batch_norm(self, value: Value, path: str, *, epsilon: float = 1e-5) -> Value:
        """Batch normalisation with the statistics that training left behind."""
        deviation, power = value.moments.deviation, value.moments.power
        ranges = {
            "weight": (0.8, 1.2),
            "bias": (-0.2, 0.2),
            "running_mean": (-0.2 * deviation, 0.2 * deviation),
            "running_var": (0.8 * power, 1.25 * power),
        }
        shape = (value.channels,)
        names = [self._parameter(f"{path}.{name}", shape, *bounds) for name, bounds in ranges.items()]
        inputs = [value.name, *names]
        return self._add("BatchNormalization", path, inputs, value.shape, Moments(), epsilon=epsilon)

    def relu(self, value: Value) -> Value:
        """Negative values become zero."""
        return self._add("Relu", f"{value.name}.relu", [value.name], value.shape, value.moments.rectified())

    def relu6(self, value: Value) -> Value:
        """Values are limited to 0 to 6."""
        bounds = [self._bound("relu6.min", 0.0), self._bound("relu6.max", 6.0)]
        inputs = [value.name, *bounds]
        return self._add("Clip", f"{value.name}.relu6", inputs, value.shape, value.moments.rectified())

    def max_pool(
        self, value: Value, path: str, kernel: int, *, stride: int, padding: int = 0, ceil: bool = False
    ) -> Value:
        """The largest value of each window; with `ceil` a last window may hang over the edge."""
        window = _Window(kernel=_pair(kernel), stride=stride, padding=_pair(padding), ceil=ceil)
        shape = self._slid(value, path, value.channels, window)
        moments, options = value.moments.largest_of(kernel * kernel), {"ceil_mode": int(ceil)}
        return self._add("MaxPool", path, [value.name], shape, moments, **options, **window.attributes())

    def average_pool(self, value: Value, path: str, kernel: int, *, stride: int, padding: int = 0) -> Value:
        """The mean of each window; zeros of the padding count."""
        window = _Window(kernel=_pair(kernel), stride=stride, padding=_pair(padding))
        shape = self._slid(value, path, value.channels, window)
        options = {"count_include_pad": 1, **window.attributes()}
        return self._add("AveragePool", path, [value.name], shape, value.moments, **options)

    def global_average_pool(self, value: Value) -> Value:
        """The mean of each channel, as `(batch, channels)`."""
        shape = (*value.shape[:2], 1, 1)
        pooled = self._add("GlobalAveragePool", "avgpool", [value.name], shape, value.moments)
        return self.flatten(pooled)

    def flatten(self, value: Value) -> Value:
        """All axes behind the batch become one."""
        shape = (value.shape[0], math.prod(value.shape[1:]))
        return self._add("Flatten", f"{value.name}.flatten", [value.name], shape, value.moments, axis=1)

    def linear(self, value: Value, path: str, features: int, *, spread: float | None = None) -> Value:
        """A fully connected layer; `spread` as for `conv`."""
        names, moments = self._weighted(value, path, (features, value.shape[1]), bias=True, spread=spread)
        return self._add("Gemm", path, [value.name, *names], (value.shape[0], features), moments, transB=1)

    def add(self, first: Value, second: Value, path: str) -> Value:
        """The sum of two activations of one shape."""
        return self._add(
            "Add", path, [first.name, second.name], first.shape, first.moments.plus(second.moments)
        )

    def concat(self, values: Sequence[Value], path: str) -> Value:
        """Activations of one size, their channels behind one another."""
        batch, _, *size = values[0].shape
        shape = (batch, sum(value.channels for value in values), *size)
        moments = mixture([(value.channels, value.moments) for value in values])
        return self._add("Concat", path, [value.name for value in values], shape, moments, axis=1)

    def model(self, scores: Value) -> ModelProto:
        """The finished network: `scores` through softmax, under the name `output`."""
        result = self._add("Softmax", "output", [scores.name], scores.shape, Moments(), axis=-1)
        output = helper.make_tensor_value_info(result.name, TensorProto.FLOAT, result.shape)
        self._model.graph.output.append(output)
        return self._model

    def _weighted(
        self, value: Value, path: str, shape: tuple[int, ...], *, bias: bool, spread: float | None
    ) -> tuple[list[str], Moments]:
        """Names of a layer's weight and bias, and how what it gives is distributed."""
        power, fan_in = value.moments.power, math.prod(shape[1:])
        deviation = math.sqrt(2 * power) if spread is None else spread
        # A uniform distribution reaches to the square root of three standard deviations.
        reach = math.sqrt(3 / (fan_in * power)) * deviation
        names = [self._parameter(f"{path}.weight", shape, -reach, reach)]
        if bias:
            names.append(self._parameter(f"{path}.bias", shape[:1], -0.2 * deviation, 0.2 * deviation))
        return names, Moments(variance=deviation**2)

    def _slid(self, value: Value, path: str, channels: int, window: "_Window") -> tuple[int, ...]:
        """Shape behind a sliding window."""
        size = tuple(window.positions(extent, axis) for axis, extent in enumerate(value.shape[2:]))
        if min(size) < 1:
            left = "x".join(str(extent) for extent in value.shape[2:])
            raise InputError(
                f"{self._name}: the image is too small, only {left} of it reaches {path}",
                hint="ask for a larger height and width with --shape",
            )
        return (value.shape[0], channels, *size)

    def _parameter(self, name: str, shape: tuple[int, ...], low: float, high: float) -> str:
        return self._store(name, self._parameters.uniform(name, shape, low, high))

    def _bound(self, name: str, number: float) -> str:
        return name if name in self._constants else self._store(name, np.array(number, np.float32))

    def _store(self, name: str, array: Array) -> str:
        self._constants.add(name)
        tensor = self._model.graph.initializer.add(name=name, dims=array.shape, data_type=TensorProto.FLOAT)
        tensor.raw_data = array.astype("<f4", copy=False).tobytes()
        return name

    def _add(
        self,
        operator: str,
        name: str,
        inputs: list[str],
        shape: tuple[int, ...],
        moments: Moments,
        **attributes: Any,
    ) -> Value:
        self._model.graph.node.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return Value(name=name, shape=shape, moments=moments)


def _pair(number: Pair) -> tuple[int, int]:
    return number if isinstance(number, tuple) else (number, number)


def build_network(
    architecture: Architecture, shape: tuple[int, int, int, int], parameters: ParameterSource
) -> ModelProto:
    """A built-in network from image to class probabilities.

    Args:
        architecture: Which one.
        shape: Of its input, `(batch, channels, height, width)`.
        parameters: Where its weights come from.

    Raises:
        InputError: The image is too small for the network.
    """
    builder = NetworkBuilder(architecture.name, parameters)
    return builder.model(architecture.build(builder, builder.image(shape)))
