"""Inception v3 (Szegedy et al., arXiv:1512.00567) as torchvision has it, without the auxiliary head.

Published weights expect images that were scaled for TensorFlow: torchvision does that inside the model
(`transform_input`), here it belongs to the caller.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import basic_conv, classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Pair, Value


def inception_v3(net: "NetworkBuilder", image: "Value") -> "Value":
    """Five convolutions and eleven inception modules of five kinds."""
    x = basic_conv(net, image, "Conv2d_1a_3x3", 32, 3, stride=2)
    x = basic_conv(net, x, "Conv2d_2a_3x3", 32, 3)
    x = basic_conv(net, x, "Conv2d_2b_3x3", 64, 3, padding=1)
    x = net.max_pool(x, "maxpool1", 3, stride=2)
    x = basic_conv(net, x, "Conv2d_3b_1x1", 80, 1)
    x = basic_conv(net, x, "Conv2d_4a_3x3", 192, 3)
    x = net.max_pool(x, "maxpool2", 3, stride=2)
    for name, pooled in (("5b", 32), ("5c", 64), ("5d", 64)):
        x = _square(_Module(net, f"Mixed_{name}"), x, pooled)
    x = _square_to_half(_Module(net, "Mixed_6a"), x)
    for name, channels in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        x = _factorised(_Module(net, f"Mixed_{name}"), x, channels)
    x = _factorised_to_half(_Module(net, "Mixed_7a"), x)
    for name in ("7b", "7c"):
        x = _expanded(_Module(net, f"Mixed_{name}"), x)
    return classifier(net, net.global_average_pool(x), "fc")


@dataclass(frozen=True, slots=True)
class _Module:
    """An inception module under construction: its name leads the names of its convolutions."""

    net: "NetworkBuilder"
    path: str

    def conv(
        self, x: "Value", name: str, channels: int, kernel: "Pair", *, stride: int = 1, padding: "Pair" = 0
    ) -> "Value":
        return basic_conv(
            self.net, x, f"{self.path}.{name}", channels, kernel, stride=stride, padding=padding
        )

    def wide(self, x: "Value", name: str, channels: int) -> "Value":
        return self.conv(x, name, channels, (1, 7), padding=(0, 3))

    def tall(self, x: "Value", name: str, channels: int) -> "Value":
        return self.conv(x, name, channels, (7, 1), padding=(3, 0))

    def pooled(self, x: "Value", channels: int) -> "Value":
        x = self.net.average_pool(x, f"{self.path}.avgpool", 3, stride=1, padding=1)
        return self.conv(x, "branch_pool", channels, 1)

    def halved(self, x: "Value") -> "Value":
        return self.net.max_pool(x, f"{self.path}.maxpool", 3, stride=2)

    def split(self, x: "Value", name: str) -> "Value":
        """1x3 and 3x1 beside each other."""
        wide = self.conv(x, f"{name}a", 384, (1, 3), padding=(0, 1))
        tall = self.conv(x, f"{name}b", 384, (3, 1), padding=(1, 0))
        return self.net.concat([wide, tall], f"{self.path}.{name}")

    def joined(self, *branches: "Value") -> "Value":
        return self.net.concat(branches, self.path)


def _square(module: _Module, x: "Value", pooled: int) -> "Value":
    """Branches of 1x1, 5x5, and two 3x3 (figure 5 of the paper)."""
    single = module.conv(x, "branch1x1", 64, 1)
    large = module.conv(x, "branch5x5_1", 48, 1)
    large = module.conv(large, "branch5x5_2", 64, 5, padding=2)
    double = module.conv(x, "branch3x3dbl_1", 64, 1)
    double = module.conv(double, "branch3x3dbl_2", 96, 3, padding=1)
    double = module.conv(double, "branch3x3dbl_3", 96, 3, padding=1)
    return module.joined(single, large, double, module.pooled(x, pooled))


def _square_to_half(module: _Module, x: "Value") -> "Value":
    """Halves height and width (figure 10 of the paper)."""
    single = module.conv(x, "branch3x3", 384, 3, stride=2)
    double = module.conv(x, "branch3x3dbl_1", 64, 1)
    double = module.conv(double, "branch3x3dbl_2", 96, 3, padding=1)
    double = module.conv(double, "branch3x3dbl_3", 96, 3, stride=2)
    return module.joined(single, double, module.halved(x))


def _factorised(module: _Module, x: "Value", channels: int) -> "Value":
    """7x7 as 1x7 and 7x1, once and twice (figure 6 of the paper)."""
    single = module.conv(x, "branch1x1", 192, 1)
    once = module.conv(x, "branch7x7_1", channels, 1)
    once = module.tall(module.wide(once, "branch7x7_2", channels), "branch7x7_3", 192)
    twice = module.conv(x, "branch7x7dbl_1", channels, 1)
    twice = module.wide(module.tall(twice, "branch7x7dbl_2", channels), "branch7x7dbl_3", channels)
    twice = module.wide(module.tall(twice, "branch7x7dbl_4", channels), "branch7x7dbl_5", 192)
    return module.joined(single, once, twice, module.pooled(x, 192))


def _factorised_to_half(module: _Module, x: "Value") -> "Value":
    """Halves height and width behind factorised convolutions."""
    small = module.conv(x, "branch3x3_1", 192, 1)
    small = module.conv(small, "branch3x3_2", 320, 3, stride=2)
    large = module.conv(x, "branch7x7x3_1", 192, 1)
    large = module.tall(module.wide(large, "branch7x7x3_2", 192), "branch7x7x3_3", 192)
    large = module.conv(large, "branch7x7x3_4", 192, 3, stride=2)
    return module.joined(small, large, module.halved(x))


def _expanded(module: _Module, x: "Value") -> "Value":
    """3x3 as 1x3 and 3x1 side by side (figure 7 of the paper)."""
    single = module.conv(x, "branch1x1", 320, 1)
    once = module.split(module.conv(x, "branch3x3_1", 384, 1), "branch3x3_2")
    twice = module.conv(x, "branch3x3dbl_1", 448, 1)
    twice = module.split(module.conv(twice, "branch3x3dbl_2", 384, 3, padding=1), "branch3x3dbl_3")
    return module.joined(single, once, twice, module.pooled(x, 192))
