"""Groups of layers that several built-in networks share."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Pair, Value

CLASSES = 1000
"""ImageNet's."""
SCORE_SPREAD = 1.5
"""Standard deviation of the scores with random weights: softmax favours some classes, none of them wholly."""


def classifier(net: "NetworkBuilder", value: "Value", path: str) -> "Value":
    """Features to class scores."""
    return net.linear(value, path, CLASSES, spread=SCORE_SPREAD)


def basic_conv(
    net: "NetworkBuilder",
    value: "Value",
    path: str,
    channels: int,
    kernel: "Pair",
    *,
    stride: int = 1,
    padding: "Pair" = 0,
) -> "Value":
    """Convolution without bias, batch norm, ReLU: the unit of the Inception networks."""
    value = net.conv(value, f"{path}.conv", channels, kernel, stride=stride, padding=padding, bias=False)
    return net.relu(net.batch_norm(value, f"{path}.bn", epsilon=1e-3))
