"""MobileNet v2 (Sandler et al., arXiv:1801.04381), width 1.0."""

from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

# Expansion, output channels, repetitions, stride of the first (table 2 of the paper).
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(net: "NetworkBuilder", image: "Value") -> "Value":
    """17 inverted residuals between two convolutions."""
    x = _activated(net, image, "features.0", 32, kernel=3, stride=2)
    index = 1
    for expansion, channels, repetitions, first_stride in _GROUPS:
        for repetition in range(repetitions):
            stride = 1 if repetition else first_stride
            x = _residual(net, x, f"features.{index}", expansion=expansion, channels=channels, stride=stride)
            index += 1
    x = _activated(net, x, f"features.{index}", 1280, kernel=1)
    return classifier(net, net.global_average_pool(x), "classifier.1")


def _residual(
    net: "NetworkBuilder", x: "Value", path: str, *, expansion: int, channels: int, stride: int
) -> "Value":
    """Pointwise up, depthwise, pointwise down; around it goes its input where the shape stays."""
    inner, place = x, 0
    if expansion > 1:
        inner = _activated(net, inner, f"{path}.conv.{place}", x.channels * expansion, kernel=1)
        place += 1
    wide = inner.channels
    inner = _activated(net, inner, f"{path}.conv.{place}", wide, kernel=3, stride=stride, groups=wide)
    inner = net.conv(inner, f"{path}.conv.{place + 1}", channels, 1, bias=False)
    inner = net.batch_norm(inner, f"{path}.conv.{place + 2}")
    return net.add(x, inner, path) if stride == 1 and x.channels == channels else inner


def _activated(
    net: "NetworkBuilder",
    x: "Value",
    path: str,
    channels: int,
    *,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
) -> "Value":
    x = net.conv(
        x,
        f"{path}.0",
        channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
    )
    return net.relu6(net.batch_norm(x, f"{path}.1"))
