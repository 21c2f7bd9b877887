"""Writing on the OPC UA server: set points and methods, for those who may.

The driver's server lets a user named ``admin`` change everything, and tells methods nothing of their
caller; so sessions from outside are our own, and their users are never administrators.
"""

from collections.abc import Callable
from typing import Any, Final

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

from simulators.operations import OPERATIONS
from simulators.wires_commands import Commands, Reason, Refused
from simulators.wires_opcua_security import TrustList, Users

WIRE: Final = "opcua"
_WRITE: Final = ua.AccessLevel.CurrentWrite.mask
_STATUS: Final = {
    Reason.UNKNOWN: ua.StatusCodes.BadNodeIdUnknown,
    Reason.TYPE: ua.StatusCodes.BadTypeMismatch,
    Reason.RANGE: ua.StatusCodes.BadOutOfRange,
    Reason.STATE: ua.StatusCodes.BadInvalidState,
    Reason.ROLE: ua.StatusCodes.BadUserAccessDenied,
}
_FEED: Final = {
    "StartFeed": "Feed at this rate until the recipe decides again.",
    "HoldFeed": "Stop the feed until the recipe decides again.",
}
"""Methods that write the feed's set point."""
_ARGUMENTS: Final = {"StartFeed": ("rate", ua.VariantType.Double, "[mL/h]")} | {
    name: (one.argument, ua.VariantType.String, "") for name, one in OPERATIONS.items() if one.argument
}
"""Name, type and unit of a method's one argument; the others have none."""


class PlantServer(InternalServer):  # type: ignore[misc]
    """The driver's server with sessions that know what an operator may do.

    Parameters
    ----------
    users : Users
    commands : Commands or None
        None serves for reading only.
    trusted : TrustList or None
        None lets every application connect.
    """

    def __init__(self, users: Users, commands: Commands | None, trusted: TrustList | None = None) -> None:
        super().__init__(user_manager=users)
        self.certificate_validator = trusted
        self.users, self.commands = users, commands
        self.set_points: dict[ua.NodeId, str] = {}
        """tag id of each variable that may be written"""
        self.methods: dict[ua.NodeId, tuple[str, str]] = {}
        """set point's tag id and method name of each method"""

    def create_session(self, name: str, user: User | None = None, external: bool = False) -> "_Session":
        """Open a session for a client."""
        user = user or User(role=UserRole.Anonymous)
        return _Session(self, self.aspace, self.subscription_service, name, user=user, external=external)


class _Session(InternalSession):  # type: ignore[misc]
    """A client's session: ours are the set points and methods, the rest is the driver's."""

    iserver: PlantServer
    _shown: bytes | None = None
    """certificate the application named when the session was made"""

    async def create_session(self, params: ua.CreateSessionParameters, *place: Any, **by_name: Any) -> Any:
        self._shown = params.ClientCertificate
        if self.iserver.certificate_validator and not self._shown:
            raise ServiceError(ua.StatusCodes.BadCertificateInvalid)
        return await super().create_session(params, *place, **by_name)

    def activate_session(
        self, params: ua.ActivateSessionParameters, peer_certificate: bytes | None
    ) -> ua.ActivateSessionResult:
        # the driver checks the certificate that was named, and not that it is the one that encrypts
        if self.iserver.certificate_validator and peer_certificate != self._shown:
            raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
        return super().activate_session(params, peer_certificate)

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        results: list[ua.DataValue] = await super().read(params)
        for place, item in enumerate(params.NodesToRead):
            asks_rights = item.AttributeId == ua.AttributeIds.UserAccessLevel
            if asks_rights and item.NodeId in self.iserver.set_points and not self._operates():
                level = int(results[place].Value.Value) & ~_WRITE
                results[place] = ua.DataValue(ua.Variant(level, ua.VariantType.Byte))
        return results

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        results = []
        for item in params.NodesToWrite:
            if item.NodeId in self.iserver.set_points and item.AttributeId == ua.AttributeIds.Value:
                results.append(self._write(item))
            else:
                results += await super().write(ua.WriteParameters(NodesToWrite=[item]))
        return results

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        results = []
        for request in params:
            if request.MethodId in self.iserver.methods:
                results.append(self._call(request))
            else:
                results += await super().call([request])
        return results

    def _operates(self) -> bool:
        return self.iserver.users.operates(self.user)

    def _write(self, item: ua.WriteValue) -> ua.StatusCode:
        value = item.Value
        if item.IndexRange or (value.StatusCode is not None and not value.StatusCode.is_good()):
            return ua.StatusCode(ua.StatusCodes.BadWriteNotSupported)
        return self._command(self.iserver.set_points[item.NodeId], value.Value)

    def _call(self, request: ua.CallMethodRequest) -> ua.CallMethodResult:
        tag, method = self.iserver.methods[request.MethodId]
        arguments = list(request.InputArguments or ())
        expected = int(method in _ARGUMENTS)
        if len(arguments) != expected:
            few = len(arguments) < expected
            code = ua.StatusCodes.BadArgumentsMissing if few else ua.StatusCodes.BadTooManyArguments
            return ua.CallMethodResult(StatusCode=ua.StatusCode(code))
        given = arguments[0] if arguments else None
        if method in _FEED:
            status = self._command(tag, given or ua.Variant(0.0, ua.VariantType.Double))
        else:
            status = self._operate(tag.partition(".")[0], method, given)
        argument = status.value in (ua.StatusCodes.BadTypeMismatch, ua.StatusCodes.BadOutOfRange)
        if not (argument and arguments):
            return ua.CallMethodResult(StatusCode=status, InputArgumentResults=[ua.StatusCode()] * expected)
        return ua.CallMethodResult(
            StatusCode=ua.StatusCode(ua.StatusCodes.BadInvalidArgument), InputArgumentResults=[status]
        )

    def _operate(self, vessel: str, operation: str, sent: ua.Variant | None) -> ua.StatusCode:
        text = sent is None or (sent.VariantType == ua.VariantType.String and not sent.is_array)
        about = "" if sent is None else (sent.Value or "" if text else None)
        return self._carry_out(
            f"{vessel}.{operation}", about, lambda to: to.operate(vessel, operation, about, WIRE)
        )

    def _command(self, tag: str, sent: ua.Variant | None) -> ua.StatusCode:
        double = sent is not None and sent.VariantType == ua.VariantType.Double and not sent.is_array
        content: object = None if sent is None else sent.Value
        told = content if double else repr(content)
        return self._carry_out(tag, content, lambda to: to.set_point(tag, told, WIRE))

    def _carry_out(self, what: str, content: object, act: Callable[[Commands], None]) -> ua.StatusCode:
        commands = self.iserver.commands
        assert commands is not None  # no node is registered without
        try:
            if not self._operates():
                raise commands.refused(what, content, WIRE, Reason.ROLE)
            act(commands)
        except Refused as refused:
            return ua.StatusCode(_STATUS[refused.reason])
        return ua.StatusCode()


async def add_methods(server: Server, vessel: ua.NodeId, feed_tag: str) -> None:
    """Methods of a vessel's object: those of the feed, and every operation of `OPERATIONS`.

    Parameters
    ----------
    server : Server
        Made with a `PlantServer`.
    vessel : NodeId
        The vessel's object; methods are ``s=<vessel>.<method>`` beside it.
    feed_tag : str
        Tag id of the feed's set point.
    """
    for name, said in (_FEED | {name: one.explanation for name, one in OPERATIONS.items()}).items():
        node = ua.NodeId(f"{vessel.Identifier}.{name}", vessel.NamespaceIndex)
        method = await server.get_node(vessel).add_method(
            node, ua.QualifiedName(name, vessel.NamespaceIndex), _never, _inputs(name), []
        )
        await method.write_attribute(
            ua.AttributeIds.Description, ua.DataValue(ua.Variant(ua.LocalizedText(said)))
        )
        server.iserver.methods[node] = (feed_tag, name)


def _inputs(method: str) -> list[ua.Argument]:
    if method not in _ARGUMENTS:
        return []
    name, kind, unit = _ARGUMENTS[method]
    return [ua.Argument(Name=name, DataType=ua.NodeId(kind.value), Description=ua.LocalizedText(unit))]


def _never(_parent: ua.NodeId, *_arguments: Any) -> ua.StatusCode:
    """Sessions from outside never come here: they answer by themselves, knowing the user."""
    return ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
