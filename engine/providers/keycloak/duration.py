"""Durations as Go writes them ("1h30m0s"), which is how the keycloak provider spells lifespans.

Owns reading and writing them. Must not know which property is one.
"""

import re

UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
TERM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


def seconds_of(text: str) -> int:
    if text == "0":
        return 0
    if not text or TERM.sub("", text):
        raise ValueError(f"{text!r} is not a duration such as 30m or 1h15m0s")
    return int(sum(float(amount) * UNITS_S[unit] for amount, unit in TERM.findall(text)))


def duration_of(seconds: int) -> str:
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def same_duration(new: str, old: str) -> bool:
    return seconds_of(new) == seconds_of(old)
