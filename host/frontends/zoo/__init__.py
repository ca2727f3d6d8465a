"""The built-in networks: architectures as code, weights from a seed or a file."""

from host.frontends.zoo.catalog import ARCHITECTURES, Architecture

__all__ = ["ARCHITECTURES", "Architecture"]
