"""MobileNet v1 (Howard et al., arXiv:1704.04861), width 1.0, with ReLU6 as the authors' own code has it.

torchvision has no MobileNet v1. Parameters are named in its style: `features.0` is the first convolution and
its batch norm, `features.1` to `features.13` are the separable convolutions, each a sequence of depthwise
convolution (`.0`), batch norm (`.1`), ReLU6, pointwise convolution (`.3`), batch norm (`.4`), ReLU6; then
comes `classifier`.
"""

from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

# Output channels and stride of each separable convolution.
_SEPARABLE = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


def mobilenet(net: "NetworkBuilder", image: "Value") -> "Value":
    """One convolution and 13 depthwise separable ones."""
    x = net.conv(image, "features.0.0", 32, 3, stride=2, padding=1, bias=False)
    x = net.relu6(net.batch_norm(x, "features.0.1"))
    for index, (channels, stride) in enumerate(_SEPARABLE, start=1):
        path = f"features.{index}"
        x = net.conv(x, f"{path}.0", x.channels, 3, stride=stride, padding=1, groups=x.channels, bias=False)
        x = net.relu6(net.batch_norm(x, f"{path}.1"))
        x = net.conv(x, f"{path}.3", channels, 1, bias=False)
        x = net.relu6(net.batch_norm(x, f"{path}.4"))
    return classifier(net, net.global_average_pool(x), "classifier")
