"""Figures from samples, and how they are written."""

import statistics
from collections.abc import Sequence


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the value that `percent` (1 to 99) of the samples do not exceed, interpolated; needs one sample."""
    # One sample is all there is of it in a quick run; `quantiles` wants two.
    if len(samples) == 1:
        return samples[0]
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the least-squares slope of y over x; needs two points with different x."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds with two decimals."""
    return f"{seconds * 1000:.2f}"


def milliseconds_at(samples: Sequence[float], *percents: int) -> list[str]:
    """Write those percentiles of seconds as milliseconds; needs one sample."""
    return [milliseconds(percentile(samples, percent)) for percent in percents]


def seconds_with_range(samples: Sequence[float]) -> str:
    """Write the median in seconds, and least and greatest."""
    return f"{statistics.median(samples):.3f} ({min(samples):.3f}-{max(samples):.3f})"


def ratio(value: float) -> str:
    """Write a ratio with three decimals, so that it can be told from an aim of one."""
    return f"{value:.3f}x"
