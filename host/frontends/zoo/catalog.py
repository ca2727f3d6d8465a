"""Which networks are built in. Importing this loads neither ONNX nor numpy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from host.frontends.zoo.alexnet import alexnet
from host.frontends.zoo.densenet import densenet121
from host.frontends.zoo.googlenet import googlenet
from host.frontends.zoo.inception_v3 import inception_v3
from host.frontends.zoo.mobilenet import mobilenet
from host.frontends.zoo.mobilenet_v2 import mobilenet_v2
from host.frontends.zoo.resnet import resnet18, resnet50
from host.frontends.zoo.squeezenet import squeezenet, squeezenet1_1
from host.frontends.zoo.vgg import vgg16, vgg19

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A built-in network.

    Attributes:
        name: What `--model` takes.
        title: The network as people write it, and what distinguishes this variant.
        source: Where it was published.
        build: Adds the network to a builder, from the image to the class scores before softmax.
        image_size: Height and width that it was published for.
        is_resizable: Whether it takes other image sizes too; not where a fully connected layer fixes them.
        training_only: Beginnings of the parameter names that only training uses; a weight file may hold them.
    """

    name: str
    title: str
    source: str
    build: "Callable[[NetworkBuilder, Value], Value]"
    image_size: int = 224
    is_resizable: bool = True
    training_only: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of its input `(batch, channels, height, width)` unless the user asks for another."""
        return (1, 3, self.image_size, self.image_size)


_ALL = (
    Architecture(
        name="mobilenet", title="MobileNet v1, 1.0, ReLU6", source="arXiv:1704.04861", build=mobilenet
    ),
    Architecture(
        name="mobilenet_v2", title="MobileNet v2, 1.0", source="arXiv:1801.04381", build=mobilenet_v2
    ),
    Architecture(name="squeezenet", title="SqueezeNet 1.0", source="arXiv:1602.07360", build=squeezenet),
    Architecture(
        name="squeezenet1_1", title="SqueezeNet 1.1", source="arXiv:1602.07360", build=squeezenet1_1
    ),
    Architecture(
        name="alexnet",
        title="AlexNet, one tower, no LRN",
        source="arXiv:1404.5997",
        build=alexnet,
        is_resizable=False,
    ),
    Architecture(name="vgg16", title="VGG-16", source="arXiv:1409.1556", build=vgg16, is_resizable=False),
    Architecture(name="vgg19", title="VGG-19", source="arXiv:1409.1556", build=vgg19, is_resizable=False),
    Architecture(
        name="googlenet",
        title="GoogLeNet (Inception v1) with batch norm",
        source="arXiv:1409.4842",
        build=googlenet,
        training_only=("aux1.", "aux2."),
    ),
    Architecture(
        name="inception_v3",
        title="Inception v3",
        source="arXiv:1512.00567",
        build=inception_v3,
        image_size=299,
        training_only=("AuxLogits.",),
    ),
    Architecture(name="resnet18", title="ResNet-18", source="arXiv:1512.03385", build=resnet18),
    Architecture(name="resnet50", title="ResNet-50 v1.5", source="arXiv:1512.03385", build=resnet50),
    Architecture(name="densenet121", title="DenseNet-121", source="arXiv:1608.06993", build=densenet121),
)

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({one.name: one for one in _ALL})
"""Every built-in network by its name."""
