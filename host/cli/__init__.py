"""The command line: one module a verb, loaded when it runs."""

import sys


def main() -> None:
    """The console scripts `host` and `stageline`."""
    try:
        from host.cli.program import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("host: only the board's side is installed here\nhint: pip install 'stageline[host]'")
    sys.exit(run(sys.argv[1:]))
