"""SqueezeNet (Iandola et al., arXiv:1602.07360), versions 1.0 and 1.1."""

from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import CLASSES

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

# Squeezed and expanded channels of each fire module by its place in `features`; None is a pooling layer.
_VERSION_1_0 = {
    3: (16, 64), 4: (16, 64), 5: (32, 128), 6: None, 7: (32, 128), 8: (48, 192),
    9: (48, 192), 10: (64, 256), 11: None, 12: (64, 256),
}  # fmt: skip
_VERSION_1_1 = {
    3: (16, 64), 4: (16, 64), 5: None, 6: (32, 128), 7: (32, 128), 8: None,
    9: (48, 192), 10: (48, 192), 11: (64, 256), 12: (64, 256),
}  # fmt: skip
# Scores come from a ReLU and a mean over all pixels, which leave about half of what the convolution spreads.
_SPREAD_BEFORE_MEAN = 2.5


def squeezenet(net: "NetworkBuilder", image: "Value") -> "Value":
    """Version 1.0: 7x7 convolution, pooling late."""
    x = net.relu(net.conv(image, "features.0", 96, 7, stride=2))
    return _fires(net, x, _VERSION_1_0)


def squeezenet1_1(net: "NetworkBuilder", image: "Value") -> "Value":
    """Version 1.1: 3x3 convolution, pooling early, 2.4 times less work."""
    x = net.relu(net.conv(image, "features.0", 64, 3, stride=2))
    return _fires(net, x, _VERSION_1_1)


def _fires(net: "NetworkBuilder", x: "Value", modules: dict[int, tuple[int, int] | None]) -> "Value":
    x = net.max_pool(x, "features.2", 3, stride=2, ceil=True)
    for index, channels in modules.items():
        path = f"features.{index}"
        x = _fire(net, x, path, *channels) if channels else net.max_pool(x, path, 3, stride=2, ceil=True)
    x = net.relu(net.conv(x, "classifier.1", CLASSES, 1, spread=_SPREAD_BEFORE_MEAN))
    return net.global_average_pool(x)


def _fire(net: "NetworkBuilder", x: "Value", path: str, squeezed: int, expanded: int) -> "Value":
    x = net.relu(net.conv(x, f"{path}.squeeze", squeezed, 1))
    small = net.relu(net.conv(x, f"{path}.expand1x1", expanded, 1))
    large = net.relu(net.conv(x, f"{path}.expand3x3", expanded, 3, padding=1))
    return net.concat([small, large], path)
