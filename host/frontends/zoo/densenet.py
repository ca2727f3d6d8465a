"""DenseNet (Huang et al., arXiv:1608.06993): a layer reads all features before it in its block."""

from typing import TYPE_CHECKING

from host.frontends.zoo.blocks import classifier

if TYPE_CHECKING:
    from host.frontends.zoo.builder import NetworkBuilder, Value

_BLOCKS = (6, 12, 24, 16)
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH


def densenet121(net: "NetworkBuilder", image: "Value") -> "Value":
    """58 dense layers in four blocks."""
    x = net.conv(image, "features.conv0", 64, 7, stride=2, padding=3, bias=False)
    x = net.relu(net.batch_norm(x, "features.norm0"))
    x = net.max_pool(x, "features.pool0", 3, stride=2, padding=1)
    for block, layers in enumerate(_BLOCKS, start=1):
        x = _dense_block(net, x, f"features.denseblock{block}", layers)
        if block < len(_BLOCKS):
            x = _transition(net, x, f"features.transition{block}")
    x = net.relu(net.batch_norm(x, "features.norm5"))
    return classifier(net, net.global_average_pool(x), "classifier")


def _dense_block(net: "NetworkBuilder", x: "Value", path: str, layers: int) -> "Value":
    features = [x]
    for layer in range(1, layers + 1):
        name = f"{path}.denselayer{layer}"
        joined = net.concat(features, f"{name}.concat") if layer > 1 else x
        features.append(_dense_layer(net, joined, name))
    return net.concat(features, path)


def _dense_layer(net: "NetworkBuilder", x: "Value", path: str) -> "Value":
    x = net.relu(net.batch_norm(x, f"{path}.norm1"))
    x = net.conv(x, f"{path}.conv1", _BOTTLENECK, 1, bias=False)
    x = net.relu(net.batch_norm(x, f"{path}.norm2"))
    return net.conv(x, f"{path}.conv2", _GROWTH, 3, padding=1, bias=False)


def _transition(net: "NetworkBuilder", x: "Value", path: str) -> "Value":
    """Halves channels, height and width between two blocks."""
    x = net.relu(net.batch_norm(x, f"{path}.norm"))
    x = net.conv(x, f"{path}.conv", x.channels // 2, 1, bias=False)
    return net.average_pool(x, f"{path}.pool", 2, stride=2)
