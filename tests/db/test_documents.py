"""JSON and instants survive the way into the database and back."""

import math
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.documents import canonical, decode, encode, instant, instant_text
from db.errors import DamagedError, RecordError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
INSTANTS = st.datetimes(
    min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


@given(JSON)
def test_document_survives(document: Any) -> None:
    assert decode(encode(document)) == document


@given(st.dictionaries(st.text(), JSON))
def test_key_order_survives_but_does_not_count(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))

    assert list(decode(encode(turned))) == list(turned)
    assert canonical(turned) == canonical(document)


@pytest.mark.parametrize("document", [math.nan, [math.inf], {"set": {1}}, {"bytes": b""}])
def test_what_json_has_no_word_for_is_refused(document: object) -> None:
    with pytest.raises(RecordError, match="cannot be stored as JSON"):
        encode(document)


def test_any_mapping_is_an_object() -> None:
    assert encode(MappingProxyType({"a": (1, 2)})) == '{"a":[1,2]}'


@given(INSTANTS)
def test_instant_survives(moment: datetime) -> None:
    assert instant(instant_text(moment)) == moment


@given(INSTANTS, INSTANTS)
def test_text_order_is_time_order(first: datetime, second: datetime) -> None:
    assert (instant_text(first) < instant_text(second)) == (first < second)


def test_instant_is_stored_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert instant_text(moment) == "2025-12-31T23:30:00.000Z"


def test_instant_without_zone_is_refused() -> None:
    with pytest.raises(RecordError, match="no time zone"):
        instant_text(datetime(2026, 1, 1))


@pytest.mark.parametrize("read", [decode, instant])
def test_unreadable_text_means_damage(read: Any) -> None:
    with pytest.raises(DamagedError, match=r"holds '\{oops'"):
        read("{oops")
