"""A small identity provider on loopback: it checks what it is asked, and signs what the test wants."""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "bioline", "s3cret+/%"


@dataclass
class SmallProvider:
    """Signs in whoever comes, as `person`, with `claims` over what is true; notes faulty requests."""

    issuer: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "42",
            "preferred_username": "Anne",
            "name": "Anne Ô",
            "groups": ["ops"],
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signing: Any = None
    algorithm: str = "RS256"
    refuses: bool = False
    faults: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.about),
                Route("/keys", self.keys),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    async def about(self, _: Request) -> Response:
        parts = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse(
            {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in parts.items()}
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        for name, wanted in (
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
        ):
            if asked.get(name) != wanted:
                self.faults.append(f"{name}={asked.get(name)}")
        answer = {"state": asked["state"], "session_state": "x"}
        if self.refuses:
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode(answer | {'error': 'access_denied'})}"
            )
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer | {'code': code})}")

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:s3cret%2B%2F%25".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {basic}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "a", "token_type": "Bearer", "id_token": self.signed(asked["nonce"])}
        )

    def signed(self, nonce: str) -> str:
        now = int(time.time())
        true = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.person,
        }
        claims = {name: value for name, value in (true | self.claims).items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "none":
            parts = [
                base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"none"}', _json(claims))
            ]
            return b".".join([*parts, b""]).decode()
        return jwt.encode(header, claims, self.signing or self.key, algorithms=[self.algorithm])


def _b64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _json(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims).encode()


def shared_key(text: str) -> OctKey:
    """A key with which a public one would be taken for a shared one."""
    return OctKey.import_key(text)


class Quiet(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def small_provider(**settings: Any) -> AsyncIterator[SmallProvider]:
    """The provider on a free port of loopback, in this loop."""
    provider = SmallProvider(**settings)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        provider.issuer = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = Quiet(uvicorn.Config(provider.app(), log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield provider
        finally:
            server.should_exit = True
            await task
