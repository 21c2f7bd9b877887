"""Quantities a bioproduction line measures, and the units each may be stored in."""

from typing import Final

UNITS: Final[dict[str, tuple[str, ...]]] = {
    "pH": ("1",),
    "pO2": ("%",),
    "pCO2": ("mm[Hg]",),
    "conductivity": ("mS/cm",),
    "temperature": ("Cel",),
    "weight": ("kg",),
    "mass": ("g",),
    "volume": ("L", "mL"),
    "gas flow": ("L/min", "mL/min"),
    "liquid flow": ("L/h", "mL/h"),
    "rotation": ("{rpm}",),
    "gas fraction": ("%",),
    "pressure": ("mbar",),
    "cell density": ("10*6/mL",),
    "viability": ("%",),
    "concentration": ("g/L", "mmol/L"),
    "length": ("um",),
    "absorbance": ("1",),
    "ratio": ("1", "%"),
    "rate": ("1/h", "mmol/L/h"),
    "count": ("1",),
}
"""UCUM codes by quantity; pH is dimensionless and carries ``"1"``."""


def unit_is_known(quantity: str, unit: str) -> bool:
    """Tell whether `unit` (a UCUM code) is one the project stores `quantity` in."""
    return unit in UNITS.get(quantity, ())


UNECE: Final[dict[str, str]] = {
    "%": "P1",
    "mm[Hg]": "HN",
    "mS/cm": "H61",
    "Cel": "CEL",
    "kg": "KGM",
    "g": "GRM",
    "L": "LTR",
    "mL": "MLT",
    "L/min": "L2",
    "mL/min": "41",
    "L/h": "E32",
    "mL/h": "G55",
    "{rpm}": "RPM",
    "mbar": "MBR",
    "g/L": "GL",
    "mmol/L": "M33",
    "um": "4H",
    "1/h": "H10",
    "1": "C62",
}
"""UCUM code to common code of UNECE Recommendation 20, which OPC UA carries in EUInformation."""


def unece_unit_id(code: str) -> int:
    """UnitId of a UNECE common code: its characters as one big-endian number (OPC 10000-8, 5.6.3)."""
    return int.from_bytes(code.encode("ascii"), "big")
