"""A range stays a range through every sum."""

from hypothesis import given
from hypothesis import strategies as st

from arkwright.design.span import Span, total

ENDS = st.floats(0, 1e12, allow_nan=False)
SPANS = st.tuples(ENDS, ENDS).map(lambda pair: Span(min(pair), max(pair)))
POSITIVE = st.tuples(st.floats(0.001, 1e6), st.floats(0.001, 1e6)).map(
    lambda pair: Span(min(pair), max(pair))
)


@given(SPANS, SPANS, POSITIVE)
def test_ends_never_cross(a, b, divisor):
    for span in (a + b, a.times(b), a.over(divisor), total([a, b])):
        assert span.low <= span.high


def test_the_narrowest_divisor_gives_the_widest_quotient():
    assert Span(10, 20).over(Span(2, 5)) == Span(2, 10)


def test_text_has_one_scale_and_two_or_three_digits():
    assert Span(401.4e6, 649.2e6).text("USD") == "401 to 649 M USD"
    assert Span(2.7179, 4.591).text("USD") == "2.7 to 4.6 USD"
    assert Span(3.5e5, 3.5e5).text("USD") == "350 k USD"
    assert Span(0.9e9, 1.12e9).text() == "0.9 to 1.1 B"
    assert Span(0, 0).text("t") == "0 t"
