"""The pages of a line, served inside the service's own loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Collection, Iterator

import uvicorn

from connectors.oidc import open_provider, read_config
from dashboards.app import create_app
from twin.domain.errors import ConnectorError
from twin.ports import IdentityProvider, View
from twin.service.settings import Settings
from twin.service.yaml_file import read_yaml


class Quiet(uvicorn.Server):
    """A server that leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises
    ------
    ConnectorError
        When the address is taken or not of this machine.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConnectorError(
            f"pages: can not listen on {host}:{port} ({error.strerror}); "
            "another port would do (--port or TWIN_PORT; 0 takes any free one)",
            retry=False,
        ) from error


@contextlib.asynccontextmanager
async def open_pages(view: View, settings: Settings) -> AsyncIterator[str]:
    """Serve the pages of `view` where the settings say; gives their address, and stops them at the end."""
    hosts = frozenset(name.strip() for name in settings.allowed_hosts.split(","))
    provider = _provider(settings)
    with listen(settings.host, settings.port) as sock:
        try:
            async with serve_pages(view, sock, hosts, provider):
                yield f"http://{settings.host}:{sock.getsockname()[1]}/"
        finally:
            if provider is not None:
                await provider.close()


@contextlib.asynccontextmanager
async def serve_pages(
    view: View,
    sock: socket.socket,
    hosts: Collection[str] | None = None,
    provider: IdentityProvider | None = None,
) -> AsyncIterator[None]:
    """Serve the pages of `view` on a socket that listens; stops them at the end."""
    app = create_app(view, hosts=hosts, provider=provider)
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        app.state.live.close()
        server.should_exit = True
        await task


def _provider(settings: Settings) -> IdentityProvider | None:
    """The identity provider that the settings name, if they do.

    Raises
    ------
    ConfigError
        Its file has a fault.
    """
    if settings.oidc is None:
        return None
    config = read_config(read_yaml(settings.oidc), settings.oidc)
    return open_provider(config, f"{settings.public_url}api/v1/oidc/return")
