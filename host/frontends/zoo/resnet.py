"""ResNet (He et al., arXiv:1512.03385) as torchvision has it: bottlenecks stride in their 3x3 part."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

_CHANNELS = (64, 128, 256, 512)
_BOTTLENECK_EXPANSION = 4


def resnet18(net: "NetworkBuilder", image: "Value") -> "Value":
    """Eight blocks of two 3x3 convolutions."""
    return _resnet(net, image, (2, 2, 2, 2), _basic, 1)


def resnet50(net: "NetworkBuilder", image: "Value") -> "Value":
    """16 bottlenecks of 1x1, 3x3 and 1x1 convolutions."""
    return _resnet(net, image, (3, 4, 6, 3), _bottleneck, _BOTTLENECK_EXPANSION)


def _resnet(
    net: "NetworkBuilder",
    image: "Value",
    blocks: Sequence[int],
    inner: "Callable[[NetworkBuilder, Value, str, int, int], Value]",
    expansion: int,
) -> "Value":
    x = net.conv(image, "conv1", 64, 7, stride=2, padding=3, bias=False)
    x = net.relu(net.batch_norm(x, "bn1"))
    x = net.max_pool(x, "maxpool", 3, stride=2, padding=1)
    for group, (channels, count) in enumerate(zip(_CHANNELS, blocks, strict=True), start=1):
        for block in range(count):
            path = f"layer{group}.{block}"
            stride = 2 if group > 1 and block == 0 else 1
            skipped = _skip(net, x, path, channels * expansion, stride)
            x = net.relu(net.add(inner(net, x, path, channels, stride), skipped, path))
    return classifier(net, net.global_average_pool(x), "fc")


def _skip(net: "NetworkBuilder", x: "Value", path: str, channels: int, stride: int) -> "Value":
    """What goes around a block: its input, projected where its shape changes."""
    if stride == 1 and x.channels == channels:
        return x
    x = net.conv(x, f"{path}.downsample.0", channels, 1, stride=stride, bias=False)
    return net.batch_norm(x, f"{path}.downsample.1")


def _basic(net: "NetworkBuilder", x: "Value", path: str, channels: int, stride: int) -> "Value":
    x = net.conv(x, f"{path}.conv1", channels, 3, stride=stride, padding=1, bias=False)
    x = net.relu(net.batch_norm(x, f"{path}.bn1"))
    x = net.conv(x, f"{path}.conv2", channels, 3, padding=1, bias=False)
    return net.batch_norm(x, f"{path}.bn2")


def _bottleneck(net: "NetworkBuilder", x: "Value", path: str, channels: int, stride: int) -> "Value":
    x = net.conv(x, f"{path}.conv1", channels, 1, bias=False)
    x = net.relu(net.batch_norm(x, f"{path}.bn1"))
    x = net.conv(x, f"{path}.conv2", channels, 3, stride=stride, padding=1, bias=False)
    x = net.relu(net.batch_norm(x, f"{path}.bn2"))
    x = net.conv(x, f"{path}.conv3", channels * _BOTTLENECK_EXPANSION, 1, bias=False)
    return net.batch_norm(x, f"{path}.bn3")
