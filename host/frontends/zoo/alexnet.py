"""AlexNet in its one-tower variant (Krizhevsky, arXiv:1404.5997), as torchvision has it."""

from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value


def alexnet(net: "NetworkBuilder", image: "Value") -> "Value":
    """Five convolutions and three fully connected layers."""
    x = net.relu(net.conv(image, "features.0", 64, 11, stride=4, padding=2))
    x = net.max_pool(x, "features.2", 3, stride=2)
    x = net.relu(net.conv(x, "features.3", 192, 5, padding=2))
    x = net.max_pool(x, "features.5", 3, stride=2)
    x = net.relu(net.conv(x, "features.6", 384, 3, padding=1))
    x = net.relu(net.conv(x, "features.8", 256, 3, padding=1))
    x = net.relu(net.conv(x, "features.10", 256, 3, padding=1))
    x = net.flatten(net.max_pool(x, "features.12", 3, stride=2))
    x = net.relu(net.linear(x, "classifier.1", 4096))
    x = net.relu(net.linear(x, "classifier.4", 4096))
    return classifier(net, x, "classifier.6")
