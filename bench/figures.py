"""Figures from samples, and how they are written."""

import statistics
from collections.abc import Sequence


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the value that `percent` (1 to 99) of the samples do not exceed, interpolated; needs two samples."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the least-squares slope of y over x; needs two points with different x."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds with two decimals."""
    return f"{seconds * 1000:.2f}"


def seconds_with_range(samples: Sequence[float]) -> str:
    """Write the median in seconds, and least and greatest."""
    return f"{statistics.median(samples):.3f} ({min(samples):.3f}-{max(samples):.3f})"


def ratio(value: float) -> str:
    """Write a ratio with three decimals, so that it can be told from an aim of one."""
    return f"{value:.3f}x"
