"""A plan as the result of a command, for people and for programs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from host.cli.output import print_document, print_page, write_document

if TYPE_CHECKING:
    from host.planner import Plan, Shared


def present(
    plan: "Plan",
    *,
    plan_id: int | None = None,
    fastest: "Plan | None" = None,
    output: Path | None = None,
    as_json: bool,
) -> None:
    """Prints a plan and writes it to a file where one is named.

    Args:
        plan: The plan.
        plan_id: Its number in the database, where it has one.
        fastest: The fastest plan, to say what the plan saves beside it.
        output: Also write the document there.
        as_json: Print the document instead of the page.
    """
    document = plan.to_document()
    if output:
        write_document(output, document)
    if as_json:
        print_document(document)
        if plan_id is not None:
            # The document's keys are fixed, and the number belongs to the database, not to the plan.
            sys.stderr.write(f"Saved as plan {plan_id}\n")
        return
    from host.report.plan import plan_page

    print_page(*plan_page(plan, plan_id=plan_id, fastest=fastest))


def present_front(plans: "Sequence[Plan]", *, output: Path | None = None, as_json: bool) -> None:
    """Prints plans of which none beats another, and writes them to a file where one is named.

    Args:
        plans: By their period.
        output: Also write the document there.
        as_json: Print the document instead of the page.
    """
    from host.planner import front_document

    document = front_document(plans)
    if output:
        write_document(output, document)
    if as_json:
        print_document(document)
        return
    from host.report.front import front_page

    print_page(*front_page(plans))


def present_shared(shared: "Shared", *, output: Path | None = None, as_json: bool) -> None:
    """Prints plans that share a board, and writes them to a file where one is named.

    Args:
        shared: The plans.
        output: Also write the document there.
        as_json: Print the document instead of the page.
    """
    document = shared.to_document()
    if output:
        write_document(output, document)
    if as_json:
        print_document(document)
        return
    from host.report.shared import shared_page

    print_page(*shared_page(shared))
