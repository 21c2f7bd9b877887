"""What leaves a vessel as liquid: broth through a bleed, and through a filter what the filter lets pass.

With inflows F of concentration C_in, a bleed B and a harvest H the volume V changes by F - B - H, so that
(balances of a culture with retention, as in Konstantinov et al., Adv. Biochem. Eng. 101 (2006) 75)

    cells, all held back     X' = (mu - kd) X - (F - H) X / V
    solutes                  C' = q X + F (C_in - C) / V
    product, sieving S       P' = q X - (F - (1 - S) H) P / V
"""

from typing import Final, NamedTuple

from twin.processes.base import Array


class Outlet(NamedTuple):
    """Flows out of the vessel.

    Parameters
    ----------
    harvest : Array or float
        Through the filter, without cells [L/h].
    bleed : Array or float
        Broth as it is [L/h].
    sieving : Array or float
        Part of the product that passes the filter [1].
    """

    harvest: Array | float
    bleed: Array | float
    sieving: Array | float

    @property
    def flow(self) -> Array | float:
        """All that leaves [L/h]."""
        return self.harvest + self.bleed


CLOSED: Final = Outlet(0.0, 0.0, 1.0)
"""Nothing leaves."""
