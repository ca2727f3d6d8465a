import pytest

from host.report.page import Column, facts, paragraph, table, to_text

COLUMNS = (
    Column(title="layer", is_folding=True),
    Column(title="placement"),
    Column(title="latency", is_number=True),
)
ROWS = [("conv2d_with_a_long_name .. another_long_name", "a57x2", "15.9 ms"), ("fc", "gpu", "1.2 ms")]


def test_numbers_stand_at_the_right_under_their_heading() -> None:
    heading, first, second = to_text([table(COLUMNS, ROWS)], width=80, is_styled=False).splitlines()
    assert heading.endswith("latency")
    assert len(heading) == len(first) == len(second)


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_narrow_pages_fold_and_keep_every_character(width: int) -> None:
    text = to_text([table(COLUMNS, ROWS), facts([("Board", "b" * 90)])], width=width, is_styled=False)
    assert max(map(len, text.splitlines())) <= width
    dense = text.replace(" ", "").replace("\n", "")
    assert dense.count("b") >= 90
    assert "\u2026" not in text


def test_numbers_are_never_broken_at_forty_columns() -> None:
    text = to_text([table(COLUMNS, ROWS)], width=40, is_styled=False)
    assert "15.9 ms" in text
    assert "a57x2" in text


def test_lines_have_no_blanks_at_their_ends() -> None:
    text = to_text([table(COLUMNS, ROWS), paragraph("done")], width=80, is_styled=False)
    assert all(line == line.rstrip() for line in text.splitlines())


def test_plain_pages_hold_no_escape_sequences_whatever_the_names() -> None:
    text = to_text([table(COLUMNS, [("\x1b[31mred", "gpu", "1 us")])], width=80, is_styled=False)
    assert "\x1b" not in text


def test_brackets_in_names_are_no_markup() -> None:
    assert "[bold]x[/bold]" in to_text([paragraph("[bold]x[/bold]")], width=80, is_styled=True)


def test_headings_are_bold_on_a_styled_page() -> None:
    assert "\x1b[1m" in to_text([table(COLUMNS, ROWS)], width=80, is_styled=True)
