"""How much of this machine is free: an accelerated simulation asks before it promises a speed."""

import time
from typing import Final

NEEDED: Final = 0.7
"""Share of one core that the busier process of the demo is given at least at the scenario's own speed: twice
what it was seen to take at 1,200 times real time on a core of 2 GHz."""
LOOK_S: Final = 0.4
"""How long is looked [s] (chosen default)."""
LEAST_SPEED: Final = 60.0
"""Below this nothing would be seen [times real time] (chosen default)."""


def share_of_a_core(seconds: float = LOOK_S) -> float:
    """Processor time that a busy loop gets in a second of the wall's [s/s], 0 to 1."""
    began, worked = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        pass
    return min(1.0, (time.process_time() - worked) / (time.perf_counter() - began))


def affordable(speed: float, share: float) -> float:
    """The speed a machine can keep up with that gives us `share` of a core [times real time]."""
    if share >= NEEDED:
        return speed
    return min(speed, max(LEAST_SPEED, round(speed * share / NEEDED, -1)))
