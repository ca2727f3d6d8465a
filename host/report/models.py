"""The built-in networks on the terminal and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from host.report.page import Column, table

if TYPE_CHECKING:
    from host.frontends import Builtin


def models_page(models: Sequence["Builtin"]) -> Sequence[RenderableType]:
    """One line a network."""
    columns = [Column(title="model"), Column(title="network", is_folding=True), Column(title="input")]
    rows = [(model.name, model.title, "x".join(map(str, model.input_shape))) for model in models]
    return [table(columns, rows)]


def model_document(model: "Builtin") -> dict[str, Any]:
    """A network as JSON."""
    return {
        "name": model.name,
        "title": model.title,
        "source": model.source,
        "input_shape": list(model.input_shape),
    }
