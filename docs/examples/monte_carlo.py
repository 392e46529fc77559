"""A Monte-Carlo sweep: the price of an Asian call option over volatility and strike.

    python docs/examples/monte_carlo.py [JOURNAL] [PATHS]

Each call draws from a generator seeded by `current_call().seed`: the same call has the same seed in every attempt and
every run, so the table is the same whether or not the sweep was killed on the way, on however many workers.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

from cuebook import chunk, current_call

SPOT, RATE, YEARS, STEPS = 100.0, 0.03, 1.0, 252
VOLATILITIES = (0.1, 0.2, 0.3, 0.4)
STRIKES = (90.0, 100.0, 110.0)


def price(volatility: float, strike: float, paths: int) -> np.ndarray:
    """The discounted mean payoff of `paths` simulated paths, and its standard error: an array of two."""
    call = current_call()
    assert call is not None
    random = np.random.default_rng(call.seed)
    step = YEARS / STEPS
    drift, scale = (RATE - volatility**2 / 2) * step, volatility * step**0.5
    payoffs = np.empty(paths)
    for first in range(0, paths, 1000):
        moves = random.normal(drift, scale, size=(min(1000, paths - first), STEPS))
        averages = SPOT * np.exp(np.cumsum(moves, axis=1)).mean(axis=1)
        payoffs[first : first + len(averages)] = np.maximum(averages - strike, 0.0)
    payoffs *= np.exp(-RATE * YEARS)
    return np.array([payoffs.mean(), payoffs.std(ddof=1) / paths**0.5])


def main(journal: str = "monte_carlo.cue", paths: str = "20000") -> None:
    """Price every combination, and print one row a volatility."""
    sweep = [(volatility, strike, int(paths)) for volatility, strike in product(VOLATILITIES, STRIKES)]
    prices = dict(zip(sweep, chunk(price, sweep, path=journal), strict=True))
    print("volatility" + "".join(f"    strike {strike:5.0f}" for strike in STRIKES))
    for volatility in VOLATILITIES:
        cells = (prices[volatility, strike, int(paths)] for strike in STRIKES)
        print(f"{volatility:10.2f}" + "".join(f"  {mean:7.3f} ± {error:5.3f}" for mean, error in cells))


if __name__ == "__main__":
    main(*sys.argv[1:3])
