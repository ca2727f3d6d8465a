"""VGG (Simonyan and Zisserman, arXiv:1409.1556), configurations D and E, without batch norm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

_CHANNELS = (64, 128, 256, 512, 512)


def vgg16(net: "NetworkBuilder", image: "Value") -> "Value":
    """13 convolutions and 3 fully connected layers."""
    return _vgg(net, image, (2, 2, 3, 3, 3))


def vgg19(net: "NetworkBuilder", image: "Value") -> "Value":
    """16 convolutions and 3 fully connected layers."""
    return _vgg(net, image, (2, 2, 4, 4, 4))


def _vgg(net: "NetworkBuilder", x: "Value", convolutions: Sequence[int]) -> "Value":
    index = 0  # position in torchvision's `features`, where ReLU and pooling count too
    for channels, count in zip(_CHANNELS, convolutions, strict=True):
        for _ in range(count):
            x = net.relu(net.conv(x, f"features.{index}", channels, 3, padding=1))
            index += 2
        x = net.max_pool(x, f"features.{index}", 2, stride=2)
        index += 1
    x = net.flatten(x)
    x = net.relu(net.linear(x, "classifier.0", 4096))
    x = net.relu(net.linear(x, "classifier.3", 4096))
    return classifier(net, x, "classifier.6")
