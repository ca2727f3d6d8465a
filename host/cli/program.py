"""The program `host`: finds the verb, runs it, and answers with an exit code whatever happens."""

import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from host.cli.failures import Interruption, Termination, exit_code_of

VERBS = {
    "plan": "Measures what is missing and finds the best pipeline for a network on a board.",
    "profile": "Measures a network's layers on a board and stores the results.",
    "solve": "Finds the best pipeline for a profile file.",
    "deploy": "Puts a plan on its board and measures the running pipeline.",
    "run": "Runs frames through a plan's pipeline.",
    "bench": "Measures engines side by side on a board.",
    "report": "Makes a page for the browser about a plan.",
    "profiles": "Shows, exports and imports what was measured.",
    "boards": "Names the boards that you use.",
    "models": "Lists the built-in networks.",
    "db": "Looks after the profile database.",
    "doctor": "Checks that everything needed is here.",
}
"""Every verb with its line in `host --help`, so that the list needs none of their modules."""


class LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a verb."""
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(f"host.cli.verbs.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"the verb {cmd_name} is no command but {command!r}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the verb; suggests one that looks alike where there is none of that name."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            alike = get_close_matches(args[0], VERBS, n=1)
            advice = f"; did you mean {alike[0]!r}?" if alike else ""
            raise click.UsageError(f"there is no verb {args[0]!r}{advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="VERB [OPTIONS]...",
    epilog="`host VERB --help` says more about each. Start with: host plan --model mobilenet --deploy",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell on standard error what happens inside.")
@click.version_option(package_name="stageline", message="stageline %(version)s")
def host(*, verbose: bool) -> None:
    """Plans neural networks as pipelines over all processors of an edge board."""
    if verbose:
        import logging

        logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d ms %(name)s: %(message)s")


def run(arguments: Sequence[str]) -> int:
    """Runs a command line.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's C core would write to our standard error
    _prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with host.make_context("host", list(arguments)) as context:
            host.invoke(context)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return exit_code_of(_explained(interrupt), arguments)
    except Exception as error:
        return exit_code_of(error, arguments)
    return 0


def _prepare_streams() -> None:
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to fail.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise Termination


def _explained(interrupt: KeyboardInterrupt) -> Interruption:
    if isinstance(interrupt, Interruption):
        return interrupt
    return Interruption()
