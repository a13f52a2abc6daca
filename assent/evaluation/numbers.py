"""Numbers as people read them: three significant digits, thousands separators, a dash for what is missing."""

import math
from typing import Any

MISSING = "–"


def finite(value: Any) -> float | None:
    """`value` as a finite number, or None for text, None, NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def number(value: Any, digits: int = 3) -> str:
    """`1234.5` -> `1,234`, `0.01234` -> `0.0123`, `0.00002` -> `2.00e-5`; integers stay whole."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace("-", "−")
    value = finite(value)
    if value is None:
        return MISSING
    rounded = float(f"{value:.{digits}g}")
    if abs(rounded) < 1e-12:  # a zero that went through floating point
        return "0"
    exponent = math.floor(math.log10(abs(rounded)))
    if exponent < -3:
        mantissa, _, power = f"{rounded:.{digits - 1}e}".partition("e")
        text = f"{mantissa}e{int(power)}"
    elif exponent >= digits:
        text = f"{value:,.0f}"
    else:
        text = f"{rounded:.{digits - 1 - exponent}f}"
    return text.replace("-", "−")


def percent(value: Any) -> str:
    """`0.82` -> `82%`; one decimal where a whole number would hide which side of 0, 50 or 100 it is on."""
    value = finite(value)
    if value is None:
        return MISSING
    near = min(abs(value - mark) for mark in (0.0, 0.5, 1.0))
    return f"{100 * value:.{1 if 0 < near < 0.01 else 0}f}%".replace("-", "−")


def interval(low: Any, high: Any) -> str:
    """`0.76, 0.87` -> `76–87%`; empty when either end is missing."""
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{percent(low).removesuffix('%')}–{percent(high)}"


def signed(value: Any, digits: int = 2) -> str:
    """`0.431` -> `+0.43`; a change has a sign, and zero has none."""
    text = number(value, digits)
    return f"+{text}" if (finite(value) or 0) > 0 else text


def span(low: Any, high: Any, digits: int = 2) -> str:
    """`-0.12, 0.3` -> `−0.12 to +0.30`; empty when either end is missing."""
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{signed(low, digits)} to {signed(high, digits)}"


def change(value: Any) -> str:
    """`-0.114` -> `−0.11`: two decimals, for columns of numbers of one scale."""
    value = finite(value)
    if value is None:
        return MISSING
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0.00"


def points(value: Any) -> str:
    """`0.068` -> `+6.8`: a difference of shares in percentage points, one decimal."""
    value = finite(value)
    if value is None:
        return MISSING
    return f"{100 * value:+.1f}".replace("-", "−")


def duration(seconds: Any) -> str:
    """`754` -> `12 min 34 s`."""
    value = finite(seconds)
    if value is None:
        return MISSING
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def megabytes(value: Any) -> str:
    """`812` -> `812 MB`, `2048` -> `2.00 GB`; nothing was measured at 0."""
    size = finite(value)
    if not size:
        return MISSING
    return f"{number(size / 1024)} GB" if size >= 1024 else f"{size:,.0f} MB"
