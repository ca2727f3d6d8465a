"""`host models`: the built-in networks."""

import click

from host.cli import options
from host.cli.output import print_document, print_page


@click.command()
@options.as_json
def models(*, as_json: bool) -> None:
    """Lists the built-in networks.

    Their weights are made up from a fixed seed, unless --weights brings others. Any ONNX file will do too.
    """
    from host.frontends import builtins
    from host.report.models import model_document, models_page

    found = builtins()
    if as_json:
        print_document({"models": [model_document(model) for model in found]})
    else:
        print_page(*models_page(found))
