"""The registry of a service that runs, asked over its own interface."""

from typing import Any
from urllib.parse import quote

import httpx

from twin.domain.errors import ConfigError, ConnectorError, InputError, SignInError

PATIENCE_S = 60.0
"""Longest wait for an answer [s] (chosen default)."""


async def act(
    url: str, line_id: str, who: tuple[str, str], path: str, body: dict[str, str]
) -> dict[str, Any]:
    """Sign in, do one act about a model, and sign out.

    Parameters
    ----------
    url : str
        Where the service answers, with a slash at its end.
    line_id : str
        The line that must run there.
    who : tuple of str
        Name and password.
    path : str
        Such as ``"models/growth/3/approve"``.

    Raises
    ------
    SignInError, InputError, ConfigError, ConnectorError
        When the service does not let in, refuses, is of another line, or does not answer.
    """
    base = f"{url}api/v1/"
    headers = {"origin": url.rstrip("/")}
    try:
        async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_S, headers=headers) as client:
            opened = await client.post("session", json={"name": who[0], "password": who[1]})
            if opened.status_code != 200:
                raise SignInError(_detail(opened))
            try:
                found = (await client.get("line")).json()["id"]
                if found != line_id:
                    raise ConfigError(f"{url}: line {found} runs there, not {line_id}; check TWIN_PORT")
                answer = await client.post(quote(path), json=body)
            finally:
                await client.request("DELETE", "session")
    except httpx.HTTPError as error:
        raise ConnectorError(f"{url}: does not answer ({error}); check that the service runs") from error
    if answer.status_code != 200:
        raise InputError(_detail(answer))
    made: dict[str, Any] = answer.json()
    return made


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError):
        return f"{answer.url} answered {answer.status_code}"
