import pytest

from host.report.text import (
    bytes_text,
    duration_text,
    energy_text,
    operations_text,
    percent_text,
    printable,
    rate_text,
    seconds_text,
)


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0.0, "0.0 us"),
        (12.34, "12.3 us"),
        (999.94, "999.9 us"),
        (999.96, "1.00 ms"),
        (1_234.0, "1.23 ms"),
        (9_996.0, "10.0 ms"),
        (15_900.0, "15.9 ms"),
        (999_960.0, "1.00 s"),
        (2_500_000.0, "2.50 s"),
    ],
)
def test_durations_keep_three_digits(duration_us: float, text: str) -> None:
    assert duration_text(duration_us) == text


def test_other_quantities_read_as_people_say_them() -> None:
    assert bytes_text(16_900_000) == "16.9 MB"
    assert bytes_text(999) == "999 B"
    assert operations_text(1.14e9) == "1.14 GFLOP"
    assert percent_text(-0.013) == "-1.3 %"
    assert rate_text(62.13) == "62.1 fps"
    assert rate_text(12_345.6) == "12346 fps"
    assert energy_text(118_000.0) == "118 mJ"
    assert energy_text(1_200.0, 14.4) == "1.20 mJ +- 0.01"
    assert energy_text(2.5, 0.25) == "2.50 uJ +- 0.25"
    assert seconds_text(12.44) == "12.4 s"
    assert seconds_text(59.97) == "1 min 0 s"
    assert seconds_text(185) == "3 min 5 s"


def test_unknown_energy_is_called_unknown() -> None:
    assert energy_text(None) == "no sensor"


def test_printable_text_leaves_letters_and_disarms_the_rest() -> None:
    assert printable("Gr\u00f6\u00dfe \u5c42") == "Gr\u00f6\u00dfe \u5c42"
    assert printable("a\x1b[2Jb") == r"a\x1b[2Jb"
    assert printable("a\u202eb") == r"a\u202eb"
