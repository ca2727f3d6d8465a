"""`host doctor`: checks that everything needed is here."""

import click

from host.cli import options
from host.cli.output import print_document, print_page
from host.cli.progress import ProgressReporter


@click.command()
@options.board
@options.database
@options.as_json
@click.pass_context
def doctor(context: click.Context, /, *, board: str | None, database: str, as_json: bool) -> None:
    """Checks that everything needed is here, and says what to do where something is not."""
    from host.cli.checks import Verdict, findings
    from host.report.page import facts

    found = []
    with ProgressReporter.on_standard_error() as reporter:
        reporter.progress("Check", "this installation")
        for finding in findings(database, board):
            found.append(finding)
            reporter.progress("Check", f"{finding.subject} is done")
    if as_json:
        checks = [
            {"subject": one.subject, "verdict": one.verdict.value, "detail": one.detail, "hint": one.hint}
            for one in found
        ]
        print_document({"healthy": not any(one.exit_code for one in found), "checks": checks})
    else:
        lines = [(one.subject, one.verdict.value, one.detail, one.hint) for one in found]
        rows = [
            (f"{verdict:<7} {subject}", detail if verdict == Verdict.OK else f"{detail}; {hint}")
            for subject, verdict, detail, hint in lines
        ]
        print_page(facts(rows))
    context.exit(next((one.exit_code for one in found if one.exit_code), 0))
