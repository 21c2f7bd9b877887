"""From models as a line file names them to their versions and parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from twin.domain.asset import Line, Vessel
from twin.domain.audit import verify
from twin.domain.errors import ConfigError, StorageError
from twin.domain.registry import Registry, Sort, Standing, Version, split
from twin.service.build import configured
from twin.service.line import LineFile
from twin.service.registry.files import ModelFiles
from twin.service.settings import Settings


def files_of(line: Line, settings: Settings) -> ModelFiles:
    """Where the files of a line's models lie."""
    return ModelFiles(settings.data_dir / line.id / "models")


def read_registry(line_file: LineFile, line: Line, settings: Settings) -> Registry:
    """The registry as it is on disk, also while a service writes it.

    Raises
    ------
    ConfigError
        When the ledger can not be read from outside.
    StorageError
        When it is not there, or the audit trail is not as it was written.
    """
    module, config = configured("ledgers", line_file.ledger, settings.data_dir / line.id)
    if not hasattr(module, "read_trail"):
        raise ConfigError(f"ledger {line_file.ledger['kind']}: its trail can not be read from outside")
    entries = list(module.read_trail(config))
    verdict = verify(entries)
    if verdict.fault:
        raise StorageError(
            f"audit trail of {line.id}: {verdict.fault}; no model is taken from it. Put the ledger back from "
            "a backup; twin audit verify says what is sound"
        )
    registry = Registry()
    registry.take(entry.deed for entry in entries)
    return registry


def resolved(
    line_file: LineFile,
    line: Line,
    settings: Settings,
    *,
    approved_only: bool,
    others: Sequence[str] = (),
) -> Line:
    """The line with the parameters and files of the models it names; a line that names none as it is.

    Parameters
    ----------
    approved_only : bool
        True for what runs; a replay or a scenario may try any version.
    others : sequence of str
        Versions in place of those of the line file, such as ``"growth@2"``.

    Raises
    ------
    ConfigError, NotFoundError, StorageError
        When a model, its version or its file will not do.
    """
    named = {split(use)[0] for v in line.vessels for use in (v.process_model, v.normal_model) if use}
    instead = {split(use)[0]: use for use in others}
    strange = sorted(set(instead) - named)
    if strange:
        raise ConfigError(
            f"--model {instead[strange[0]]}: line {line.id} names no model {strange[0]}; it names "
            f"{', '.join(sorted(named)) or 'none'}"
        )
    if not named:
        return line
    taker = _Taker(read_registry(line_file, line, settings), files_of(line, settings), approved_only, instead)
    return replace(line, vessels=tuple(taker.take(vessel) for vessel in line.vessels))


def with_sources(
    line_file: LineFile, line: Line, settings: Settings, *, approved_only: bool = True
) -> LineFile:
    """The line file with the files of the models that its sources name; one that names none as it is.

    Raises
    ------
    ConfigError, NotFoundError, StorageError
        When a model, its version or its file will not do.
    """
    if not any(section.get("registered") for section in line_file.sources):
        return line_file
    taker = _Taker(read_registry(line_file, line, settings), files_of(line, settings), approved_only, {})
    return line_file.model_copy(update={"sources": [taker.source(each) for each in line_file.sources]})


def sources_of(line_file: LineFile) -> list[tuple[str, str]]:
    """Sources that may name a model of the registry, each with it; empty where it names none."""
    spectra = (s for s in line_file.sources if s.get("kind") == Sort.SPECTRA)
    return [(str(s["id"]), str(s.get("registered", ""))) for s in spectra]


class _Taker:
    """Puts versions into vessels."""

    def __init__(
        self, registry: Registry, files: ModelFiles, approved_only: bool, instead: Mapping[str, str]
    ) -> None:
        self._registry, self._files = registry, files
        self._approved_only, self._instead = approved_only, instead

    def take(self, vessel: Vessel) -> Vessel:
        if vessel.process_model:
            version = self._version(f"vessel {vessel.id}", vessel.process_model, Sort.PROCESS)
            _, contents = self._files.open(version)
            if contents.model.id != vessel.process:
                raise ConfigError(
                    f"vessel {vessel.id}: model {version.id} is of {contents.model.id}; the line file says "
                    f"kind: {vessel.process}"
                )
            vessel = replace(vessel, parameters=dict(contents.values), process_model=version.id)
        if vessel.normal_model:
            version = self._version(f"vessel {vessel.id}", vessel.normal_model, Sort.NORMAL)
            path, _ = self._files.open(version)
            vessel = replace(vessel, normal=str(path.resolve()), normal_model=version.id)
        return vessel

    def source(self, section: dict[str, Any]) -> dict[str, Any]:
        """A section of a source, with the file of its version."""
        if not section.get("registered"):
            return section
        version = self._version(f"source {section['id']}", str(section["registered"]), Sort.SPECTRA)
        path, _ = self._files.open(version)
        return {**section, "model": str(path.resolve()), "registered": version.id}

    def _version(self, place: str, use: str, sort: Sort) -> Version:
        version = self._registry.version(self._instead.get(split(use)[0], use))
        if version.sort is not sort:
            raise ConfigError(
                f"{place}: {version.id} is a {version.sort} model; a {sort} model is needed there"
            )
        if self._approved_only and version.standing is not Standing.APPROVED:
            raise ConfigError(
                f"{place}: model {version.id} is {version.standing}, not approved; only an "
                "approved version runs. twin model approve, or another version in the line file, would do; "
                "twin replay and twin what-if take any version"
            )
        return version


def models_of(vessel: Vessel) -> list[tuple[Sort, str]]:
    """Models of the registry that a vessel has, by sort."""
    both = ((Sort.PROCESS, vessel.process_model), (Sort.NORMAL, vessel.normal_model))
    return [(sort, use) for sort, use in both if use]


def in_words(line: Line, line_file: LineFile | None = None) -> list[str]:
    """Which versions of models the vessels, and the sources, have, one a line; empty where none is named."""
    told = [f"vessel {v.id}: {sort} model {use}" for v in line.vessels for sort, use in models_of(v)]
    sources = sources_of(line_file) if line_file else []
    return told + [f"source {name}: {Sort.SPECTRA} model {use}" for name, use in sources if use]
