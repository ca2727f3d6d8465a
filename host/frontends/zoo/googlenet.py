"""GoogLeNet (Szegedy et al., arXiv:1409.4842) as torchvision has it: batch norms, no auxiliary heads.

torchvision's third branch convolves 3x3 where the paper has 5x5; its published weights need that, so it
stays. Those weights also expect images that were scaled for TensorFlow: torchvision does that inside the
model (`transform_input`), here it belongs to the caller.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import basic_conv, classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

# Output channels: 1x1, 3x3 reduced, 3x3, "5x5" reduced, "5x5", behind the pooling (table 1 of the paper).
_STAGE_3 = {"3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64)}
_STAGE_4 = {
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
}
_STAGE_5 = {"5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128)}


def googlenet(net: "NetworkBuilder", image: "Value") -> "Value":
    """Three convolutions and nine inception modules of four branches."""
    x = basic_conv(net, image, "conv1", 64, 7, stride=2, padding=3)
    x = net.max_pool(x, "maxpool1", 3, stride=2, ceil=True)
    x = basic_conv(net, x, "conv2", 64, 1)
    x = basic_conv(net, x, "conv3", 192, 3, padding=1)
    x = net.max_pool(x, "maxpool2", 3, stride=2, ceil=True)
    x = _modules(net, x, _STAGE_3)
    x = net.max_pool(x, "maxpool3", 3, stride=2, ceil=True)
    x = _modules(net, x, _STAGE_4)
    x = net.max_pool(x, "maxpool4", 2, stride=2, ceil=True)
    x = _modules(net, x, _STAGE_5)
    return classifier(net, net.global_average_pool(x), "fc")


def _modules(net: "NetworkBuilder", x: "Value", modules: Mapping[str, tuple[int, ...]]) -> "Value":
    for name, channels in modules.items():
        x = _inception(net, x, f"inception{name}", channels)
    return x


def _inception(net: "NetworkBuilder", x: "Value", path: str, channels: tuple[int, ...]) -> "Value":
    single, reduced, middle, reduced_more, last, pooled = channels
    first = basic_conv(net, x, f"{path}.branch1", single, 1)
    second = basic_conv(net, x, f"{path}.branch2.0", reduced, 1)
    second = basic_conv(net, second, f"{path}.branch2.1", middle, 3, padding=1)
    third = basic_conv(net, x, f"{path}.branch3.0", reduced_more, 1)
    third = basic_conv(net, third, f"{path}.branch3.1", last, 3, padding=1)
    fourth = net.max_pool(x, f"{path}.branch4.0", 3, stride=1, padding=1, ceil=True)
    fourth = basic_conv(net, fourth, f"{path}.branch4.1", pooled, 1)
    return net.concat([first, second, third, fourth], path)
