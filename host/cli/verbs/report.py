"""`host report`: a plan as a page for the browser, or as a timeline for Perfetto."""

import sys
from pathlib import Path

import click

from host.cli import options
from host.cli.documents import read_document
from host.cli.output import print_document, require_writable, write_document, write_text
from host.errors import UsageError


@click.command()
@options.plan
@click.option(
    "--profile", type=options.FILE, metavar="FILE", help="The costs that a plan from a file was made with."
)
@click.option("-o", "--output", type=options.FILE, metavar="FILE.html", help="Write the page there.")
@click.option(
    "--trace", type=options.FILE, metavar="FILE.json", help="Write a timeline for ui.perfetto.dev there."
)
@click.option(
    "--figures", type=options.FILE, metavar="DIR", help="Write pictures for papers there, as PDF and PNG."
)
@options.database
@options.as_json
def report(
    *,
    plan: str,
    profile: Path | None,
    output: Path | None,
    trace: Path | None,
    figures: Path | None,
    database: str,
    as_json: bool,
) -> None:
    """Makes a page about a plan.

    PLAN is its number in the database, or a file that `host plan --output` or `host solve --output` wrote. The
    page needs no network, and says what the plan is, why this one, and how predictions held.
    """
    if not (output or trace or figures):
        raise UsageError("where shall the report go?", hint="name it with --output, --trace or --figures")
    for path in (output, trace):
        if path:
            require_writable(path)
    from host.planner import Plan, parse_profile
    from host.report.trace import trace_document
    from host.story import file_story, stored_story

    if plan.isdigit():
        story = stored_story(database, int(plan))
    else:
        table = parse_profile(read_document(profile)) if profile else None
        story = file_story(plan, Plan.from_document(read_document(Path(plan))), table)
    if trace:
        write_document(trace, trace_document(story.plan))
    if figures:
        from host.report.figures import write_figures

        write_figures(story, figures)
    if output:
        from host.report.html import report_html

        write_text(output, report_html(story))
    places = {"page": output, "trace": trace, "figures": figures}
    written = {name: str(path) for name, path in places.items() if path}
    if as_json:
        print_document(written)
    else:
        sys.stderr.write("".join(f"Wrote {path}\n" for path in written.values()))
