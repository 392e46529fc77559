"""The laws of scaling: they find the coefficients that points were made with, and say nothing of too few."""

from __future__ import annotations

import pytest

from cuebook.tuning.scaling import ScalingFit, fitted


def points(fit: ScalingFit, *workers: int) -> dict[int, float]:
    return {each: fit.predicted(each) for each in workers}


@pytest.mark.parametrize("serial", [0.0, 0.05, 0.3])
def test_amdahls_law_is_found_again_in_its_own_points(serial: float) -> None:
    fit, *_ = fitted(points(ScalingFit("Amdahl", 120.0, serial), 1, 2, 4, 8))

    assert (fit.rate, fit.serial) == pytest.approx((120.0, serial), abs=1e-6)
    assert fit.peak is None


def test_the_universal_law_is_found_again_with_its_peak_beyond_what_was_measured() -> None:
    made = ScalingFit("USL", 1000.0, 0.02, 0.0005)
    fit = fitted(points(made, 1, 2, 4, 8, 16))[-1]

    assert (fit.law, fit.rate) == ("USL", pytest.approx(1000.0))
    assert (fit.serial, fit.crosstalk) == pytest.approx((0.02, 0.0005))
    assert fit.peak == 44
    assert fit.predicted(64) == pytest.approx(made.predicted(64))
    assert fit.pays_until() == 32


@pytest.mark.parametrize(("workers", "laws"), [((1,), []), ((1, 2), ["Amdahl"]), ((1, 2, 4), ["Amdahl", "USL"])])
def test_a_law_is_fitted_only_to_points_that_are_enough_for_it(workers: tuple[int, ...], laws: list[str]) -> None:
    assert [fit.law for fit in fitted(points(ScalingFit("", 10.0, 0.1), *workers))] == laws


def test_workers_that_do_better_than_in_proportion_give_no_negative_coefficients() -> None:
    for fit in fitted({1: 100.0, 2: 230.0, 4: 500.0}):
        assert fit.serial >= 0
        assert fit.crosstalk >= 0
        assert 100.0 <= fit.rate <= 130.0


def test_noise_of_some_percent_moves_the_answer_little() -> None:
    made = ScalingFit("USL", 1000.0, 0.05, 0.001)
    noisy = {n: rate * (1.02 if n % 3 else 0.98) for n, rate in points(made, 1, 2, 4, 8, 16, 32).items()}

    assert fitted(noisy)[-1].predicted(16) == pytest.approx(made.predicted(16), rel=0.05)
