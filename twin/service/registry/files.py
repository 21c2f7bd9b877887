"""The files of versions: kept under their SHA-256, read only when they still fit it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.codecs.array_file import holds
from connectors.codecs.spectral_file import FORMAT, load_spectral
from twin.domain.errors import ConfigError, ModelError
from twin.domain.event import ModelRef
from twin.domain.registry import Contents, Rest, Sort, Version
from twin.processes.base import Process, model_ref
from twin.service import normal, plugins
from twin.service.build import Faults
from twin.service.content_hash import check_content
from twin.service.learn import sha256_of
from twin.service.output import whole_file
from twin.service.yaml_file import read_yaml

ENDS: Final = {Sort.PROCESS: ".yaml", Sort.NORMAL: ".model", Sort.SPECTRA: ".spectra"}
MAKERS: Final = "twin calibrate, twin learn or twin fit-spectra"
MOST_BYTES: Final = 200_000_000
"""Size of a file [B] (chosen default: a normal model of 100 tags is about 20 MB)."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Process(_Part):
    kind: str
    parameters: dict[str, float] = {}


class _Run(_Part):
    run: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _File(_Part):
    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ParameterFile(_Part):
    """PARAMETERS.yaml as ``twin calibrate`` writes it; what else it says stays in the file."""

    process: _Process
    model_version: str
    files: list[_File] = []
    runs: list[_Run] = []


class ModelFiles:
    """The folder of a line in which the files of versions lie.

    Parameters
    ----------
    folder : Path
        ``TWIN_DATA_DIR/<line>/models``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: Path) -> tuple[str, Contents]:
        """Check a file and put a copy under its hash; nobody uses it until it is proposed.

        Raises
        ------
        ConfigError
            When it is no file of ``twin calibrate``, ``twin learn`` or ``twin fit-spectra``.
        """
        if not path.is_file():
            raise ConfigError(f"{path}: no such file; one of {MAKERS} would do")
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes; up to {MOST_BYTES} would do")
        contents = read(path, fresh=True)
        sha256 = sha256_of(path)
        kept = self._place(contents.sort, sha256)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, whole_file(kept) as sink:
            shutil.copyfileobj(source, sink)
        return sha256, contents

    def find(self, sha256: str) -> Contents:
        """What a kept file says.

        Raises
        ------
        ConfigError
            When none is kept under this hash, or its contents do not fit it.
        """
        for sort in Sort:
            if self._place(sort, sha256).is_file():
                return read(self._sound(sort, sha256, f"the file {sha256[:12]}"), fresh=True)
        raise ConfigError(
            f"{self.folder}: no file {sha256[:12]} lies there; twin model propose puts it there"
        )

    def open(self, version: Version) -> tuple[Path, Contents]:
        """The file of a version and what it says, as it was proposed.

        Raises
        ------
        ConfigError
            When it is missing, was changed, or this software makes another model of it.
        """
        path = self._sound(version.sort, version.sha256, f"model {version.id}")
        contents = read(path)
        known, made = version.model, contents.model
        if (made.id, made.version, made.parameters) != (known.id, known.version, known.parameters):
            raise ConfigError(
                f"model {version.id}: was proposed as {known.id} {known.version} with parameters "
                f"{known.parameters}; this software makes {made.id} {made.version} {made.parameters} of it. "
                "Propose the file anew, or use the software it was proposed with"
            )
        return path, contents

    def _sound(self, sort: Sort, sha256: str, what: str) -> Path:
        path = self._place(sort, sha256)
        if not path.is_file():
            raise ConfigError(f"{what}: {path} is missing; put it back from a backup, or roll back")
        found = sha256_of(path)
        if found != sha256:
            raise ConfigError(
                f"{what}: {path} is not as it was proposed: its SHA-256 is {found[:12]}..., the audit trail "
                f"says {sha256[:12]}...; put it back from a backup, or roll back"
            )
        return path

    def _place(self, sort: Sort, sha256: str) -> Path:
        return self.folder / f"{sha256}{ENDS[sort]}"


def read(path: Path, *, fresh: bool = False) -> Contents:
    """What a file of ``twin calibrate``, ``twin learn`` or ``twin fit-spectra`` says.

    Parameters
    ----------
    path : Path
    fresh : bool
        Whether it is about to be proposed: parameters that name training must then have a hash. One that was
        proposed before there were such hashes is vouched for by the audit trail.

    Raises
    ------
    ConfigError
        When it is none of these, or was changed since it was written.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if not zipped:
        return _process(path, fresh)
    return _spectral(path) if holds(path, "rotations") else _normal(path)


def _process(path: Path, fresh: bool) -> Contents:
    faults, document = Faults(), read_yaml(path)
    check_content(path, document, needed=fresh)
    try:
        found = ParameterFile.model_validate(document)
    except ValidationError as error:
        faults.add_validation("", error)
        raise ConfigError(
            "\n".join(f"{path}: {fault}" for fault in faults.found)
            + f"\n{path}: PARAMETERS.yaml of twin calibrate, or a model of twin learn, would do"
        ) from error
    process = _built(path, found.process)
    if process.version != found.model_version:
        raise ConfigError(
            f"{path}: was made with {process.id} {found.model_version}; this software has {process.id} "
            f"{process.version}; calibrate anew"
        )
    rests_on = [Rest("file", each.name, each.sha256) for each in found.files]
    rests_on += [Rest("run", each.run, each.sha256) for each in found.runs]
    values = tuple((p.name, p.value) for p in process.parameters)
    return Contents(Sort.PROCESS, model_ref(process), values, tuple(rests_on))


def _built(path: Path, section: _Process) -> Process:
    try:
        made: Process = plugins.load("processes", section.kind).build(section.parameters)
    except (ConfigError, ModelError) as error:
        raise ConfigError(f"{path}: process: {error}") from error
    return made


_FIGURES: Final = ("stated_per_100h", "reached_per_100h", "calibration_h")


def _normal(path: Path) -> Contents:
    model, ref = normal.load(path)
    about: Mapping[str, Any] = model.about
    values = [(name, float(about[name])) for name in _FIGURES if name in about]
    rests_on = [Rest("file", each["name"], each["sha256"]) for each in about.get("files", ())]
    for part in ("fitted_on", "calibrated_with"):
        rests_on += [Rest(part, each["run"], each["sha256"]) for each in about.get(part, ())]
    return Contents(Sort.NORMAL, ref, (*values, ("threshold", float(model.threshold))), tuple(rests_on))


def _spectral(path: Path) -> Contents:
    """Its parameters are its figures: errors of cross-validation, and how they compare with chance."""
    model, digest = load_spectral(path)
    about: Mapping[str, Any] = model.about
    values = [("components", float(model.score_sd.size))]
    units = zip(model.names, model.units, strict=True)
    values += [(f"RMSECV {n} [{u}]", float(s)) for (n, u), s in zip(units, model.sigma, strict=True)]
    chance = about.get("shuffled", {}).get("p", ())
    values += [(f"p {n}", float(p)) for n, p in zip(model.names, chance, strict=False)]
    rests_on = tuple(Rest("file", each["name"], each["sha256"]) for each in about.get("files", ()))
    return Contents(Sort.SPECTRA, ModelRef("pls", str(FORMAT), digest[:12]), tuple(values), rests_on)


def defaults_of(kind: str) -> tuple[tuple[str, float], ...]:
    """A process model's own parameters by name."""
    process: Process = plugins.load("processes", kind).build({})
    return tuple((p.name, p.value) for p in process.parameters)


def defaults(kind: str) -> bytes:
    """A process model with its own parameters, as a file to be proposed: the same each time.

    Raises
    ------
    ConfigError
        No such kind.
    """
    process: Process = plugins.load("processes", kind).build({})
    document = {
        "process": {"kind": process.id, "parameters": {p.name: p.value for p in process.parameters}},
        "model_version": process.version,
        "sources": {p.name: p.source for p in process.parameters},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110).encode()
