"""JSON text: what Python's reader lets pass is refused, with the place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import InputError
from host.planner import parse_json, parse_profile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "p.json, line 1, column 1: expecting value"),
        ('{"a": 1,\n  "b" 2}', "p.json, line 2, column 7: expecting ':' delimiter"),
        ('{"a": 1} 2', "p.json, line 1, column 10: extra data"),
        ('{"a": 1, "a": 2}', 'p.json: the key "a" stands there twice'),
        ('{"costs": [{}, {"x": 1, "x": 1}]}', 'p.json, costs[1]: the key "x" stands there twice'),
        ('{"costs": {"a": {"b": 1, "b": 2}}, "costs": 1}', 'p.json: the key "costs" stands there twice'),
        ('{"costs": [{}, {"x": NaN}]}', "p.json, costs[1].x is NaN, not a finite number"),
        ("[1, -Infinity]", "p.json, [1] is -Infinity, not a finite number"),
        ("Infinity", "p.json is Infinity, not a finite number"),
        ("\n[" + "[" * 5000, "p.json, line 2, column 101: nested more than 100 levels deep"),
        ('{"[[[": ' * 5000, "p.json, line 1, column 801: nested more than 100 levels deep"),
        ('{"a":\n ' + "9" * 5000 + "}", "p.json, line 2, column 2: a number has too many digits"),
        (b'{"a": "\xff"}', "p.json is not UTF-8 text: byte 7 cannot be read"),
    ],
)
def test_text_that_is_no_proper_json_is_refused_with_its_place(text: str | bytes, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(text, source="p.json")
    assert caught.value.message == expected


def test_a_byte_order_mark_is_no_content() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    assert parse_json("\ufeff[1]") == [1]


def test_a_number_that_overflows_is_refused_where_it_is_read() -> None:
    document = parse_json('{"schema": 1e999}')
    with pytest.raises(InputError, match="schema is Infinity; this version reads"):
        parse_profile(document)


@given(st.text() | st.binary())
def test_any_text_is_a_document_or_refused(text: str | bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_profile(parse_json(text))
    assert "\n" not in caught.value.message
