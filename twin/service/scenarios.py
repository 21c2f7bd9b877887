"""Scenarios by name or file, and the faults a scenario may hold, for people."""

from importlib.resources import as_file, files
from pathlib import Path

from rich.table import Table

from simulators.faults import FAULTS
from simulators.scenario import Scenario, load_scenario
from twin.domain.errors import ConfigError


def find_scenario(name: str) -> Scenario:
    """A packaged scenario by its name, or a file.

    Raises
    ------
    ConfigError
        When there is neither.
    """
    folder = files("seeds") / "scenarios"
    packaged = folder / f"{name}.yaml"
    if "/" not in name and packaged.is_file():
        with as_file(packaged) as path:
            return load_scenario(path)
    if Path(name).is_file():
        return load_scenario(Path(name))
    known = sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
    raise ConfigError(f"scenario {name!r}: neither a file nor one of {', '.join(known)}")


def fault_table() -> Table:
    """Every kind of fault with its unit, reference size, tag and true verdict."""
    table = Table("kind", "what happens", "unit of size", "reference", "its source", "tag", "verdict")
    for kind, fault in FAULTS.items():
        tag = ", ".join(fault.choices) or fault.tag or "(say which)"
        size = f"{fault.size:g}"
        table.add_row(kind, fault.explanation, fault.unit, size, fault.source, tag, fault.verdict)
    return table
