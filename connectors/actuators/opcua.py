"""Set points to an OPC UA server: a session for each command, the value in the variable's own type.

Sessions are short because commands are rare: nothing has to be kept alive, and every command meets the
server's certificate, account and access rights anew.
"""

from typing import Any, Final

from asyncua import ua

from connectors.sources import opcua as source
from connectors.sources._opcua_session import FAILURES, open_session
from twin.domain.errors import ConnectorError
from twin.ports import Actuator, ActuatorContext

_WHOLE: Final = frozenset(
    {
        ua.VariantType.SByte,
        ua.VariantType.Byte,
        ua.VariantType.Int16,
        ua.VariantType.UInt16,
        ua.VariantType.Int32,
        ua.VariantType.UInt32,
        ua.VariantType.Int64,
        ua.VariantType.UInt64,
    }
)
_REAL: Final = frozenset({ua.VariantType.Double, ua.VariantType.Float, ua.VariantType.Null})


class Config(source.Config):
    """How the server is reached; keys as of the source of the same kind."""


class OpcUaActuator:
    """Writes variables."""

    def __init__(self, config: Config, context: ActuatorContext) -> None:
        self._config, self._context = config, context

    async def write(self, tag: str, value: float) -> str:
        """Write and say what the server answered."""
        known = self._context.tags[tag]
        address = source.identifier(self._config, tag, known.asset, known.name)
        try:
            session = await open_session(source.session_settings(self._config))
            try:
                await session.find({tag: address})
                return await self._write(session.client, session.nodes[tag], tag, value)
            finally:
                await session.close()
        except FAILURES as error:
            text = str(error) or type(error).__name__
            raise ConnectorError(f"{tag} could not be written to {self._config.url}: {text}") from error

    async def _write(self, client: Any, node: ua.NodeId, tag: str, value: float) -> str:
        (now,) = await client.uaclient.read_attributes([node], ua.AttributeIds.Value)
        kind = now.Value.VariantType if now.Value is not None else ua.VariantType.Null
        variant = ua.Variant(*_fitted(tag, value, kind))
        asked = ua.WriteValue(NodeId=node, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(variant))
        (status,) = await client.uaclient.write(ua.WriteParameters(NodesToWrite=[asked]))
        if not status.is_good():
            raise ConnectorError(
                f"{tag}: the server at {self._config.url} answered {status.name}", retry=False
            )
        return str(status.name)

    async def close(self) -> None:
        """Nothing is held."""


def _fitted(tag: str, value: float, kind: ua.VariantType) -> tuple[float | int, ua.VariantType]:
    if kind in _REAL:
        return value, ua.VariantType.Double if kind is ua.VariantType.Null else kind
    if kind in _WHOLE and value == int(value):
        return int(value), kind
    raise ConnectorError(
        f"{tag} is of type {kind.name} on the server, which {value:g} does not fit", retry=False
    )


def open_actuator(config: Config, context: ActuatorContext) -> Actuator:
    """Make the actuator; it connects at each command."""
    return OpcUaActuator(config, context)
