"""YAML files people write: plain data, each key once, of a size that a person could have written."""

from collections import Counter
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import yaml

from twin.domain.errors import ConfigError

MOST_BYTES: Final = 2_000_000
"""Size of a file [B] (chosen default: a line of 1,000 vessels written out is about 1 MB)."""
MOST_NODES: Final = 200_000
"""Values in a file once its aliases are written out (chosen default)."""


class _OnceLoader(yaml.SafeLoader):
    """Reads plain data only, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping whose keys are there once."""
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        name, count = names.most_common(1)[0] if names else ("", 0)
        if count > 1:
            raise yaml.MarkedYAMLError(problem=f"key {name!r} is there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path | Traversable) -> Any:
    """Contents of a YAML file.

    Raises
    ------
    ConfigError
        When it can not be read, is not YAML, or is larger than a person would write.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can not be read ({error.strerror}); check the path") from error
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path}: {len(raw)} bytes came; up to {MOST_BYTES} would do; check the path")
    try:
        return _data(raw.decode("utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}{error.problem or error.context}; YAML would do") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())[:300]}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply; a line file needs five levels") from error


def _data(text: str) -> Any:
    loader = _OnceLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _nodes(node, {}) > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES} values once its aliases are written out")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below a node, those of an alias counted each time it is used."""
    found = known.get(id(node))
    if found is None:
        known[id(node)] = MOST_NODES + 1  # a node inside itself never ends
        parts = (
            [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
            if (isinstance(node, yaml.CollectionNode))
            else []
        )
        found = known[id(node)] = 1 + sum(_nodes(part, known) for part in parts)
    return found
