"""A line through measured points, as SVG (pure)."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 40, 48
_TICKS = 5


def svg(points: Sequence[tuple[float, float]], *, title: str, x: str, y: str) -> str:
    """Return a picture of points, both axes from 0 and linear, with a dashed line from 0 through the last point.

    What is linear lies on that line. `x` and `y` name the axes, with their units; there must be a point beyond 0.
    """
    most_x, most_y = (_rounded_up(max(values)) for values in zip(*points, strict=True))

    def at(point: tuple[float, float]) -> tuple[float, float]:
        across = _LEFT + point[0] / most_x * (_WIDTH - _LEFT - _RIGHT)
        return across, _HEIGHT - _BOTTOM - point[1] / most_y * (_HEIGHT - _TOP - _BOTTOM)

    ordered = sorted(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, 20, title, "middle"),
        _text(_WIDTH / 2, _HEIGHT - 8, x, "middle"),
        _text(8, _TOP - 10, y, "start"),
    ]
    for tick in range(_TICKS + 1):
        value_x, value_y = most_x * tick / _TICKS, most_y * tick / _TICKS
        across, down = at((value_x, value_y))
        parts += [
            _line((_LEFT, down), (_WIDTH - _RIGHT, down), "#ddd"),
            _text(_LEFT - 6, down + 4, f"{value_y:g}", "end"),
            _text(across, _HEIGHT - _BOTTOM + 16, f"{value_x:g}", "middle"),
        ]
    parts.append(_line(at((0, 0)), at(ordered[-1]), "#999", dashed=True))
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in map(at, ordered))
    parts.append(f'<polyline points="{path}" fill="none" stroke="#06c" stroke-width="2"/>')
    parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="#06c"/>' for across, down in map(at, ordered)]
    return "\n".join((*parts, "</svg>", ""))


def _rounded_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 and so on."""
    step = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= value)


def _text(across: float, down: float, text: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="{colour}"{dash}/>'
    )
