"""The picture of measured points."""

import xml.etree.ElementTree as ET

from prove.plot import svg

_NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_well_formed_and_to_scale() -> None:
    """One dot a point, in order; what is linear lies on the dashed line; names are escaped."""
    picture = svg([(500, 50), (100, 10), (250, 40)], title="a < b & c", x="rotations", y="seconds")
    root = ET.fromstring(picture)  # noqa: S314  # our own
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in root.iter(f"{_NAMESPACE}circle")]
    assert len(dots) == 3
    assert [across for across, _ in dots] == sorted(across for across, _ in dots)
    (dashed,) = (line for line in root.iter(f"{_NAMESPACE}line") if line.get("stroke-dasharray"))
    x1, y1, x2, y2 = (float(dashed.get(name, "")) for name in ("x1", "y1", "x2", "y2"))

    def above(dot: tuple[float, float]) -> float:
        return y1 + (dot[0] - x1) / (x2 - x1) * (y2 - y1) - dot[1]

    assert abs(above(dots[0])) < 0.2
    assert above(dots[1]) > 10
    assert abs(above(dots[2])) < 0.2
    texts = [text.text for text in root.iter(f"{_NAMESPACE}text")]
    assert {"a < b & c", "rotations", "seconds", "500", "50", "0"} <= set(texts)


def test_a_single_point_below_one_is_a_picture_too() -> None:
    """Axes are never empty."""
    picture = svg([(1, 0.05)], title="t", x="x", y="y")
    assert ET.fromstring(picture).tag == f"{_NAMESPACE}svg"  # noqa: S314  # our own
