"""The synthetic year."""

import numpy as np
import pytest

from arkwright.physics import climate


def test_a_year_has_its_mean_its_span_and_its_warmest_day():
    year = climate.synthetic_year_c(6.0, 9.0, 2.0, 200, 15)
    assert year.shape == (8760,)
    assert year.mean() == pytest.approx(6.0, abs=1e-6)
    assert year.max() == pytest.approx(17.0, abs=0.01)  # 6 + 9 + 2
    assert year.min() == pytest.approx(-5.0, abs=0.01)
    assert np.argmax(year) // 24 in (199, 200)
    assert np.argmax(year) % 24 == 15
