"""Sign-in by an identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE).

The provider says who somebody is and in which groups; the groups say the role, and whoever is in
none of them is refused. What the provider says is believed only with its signature, for us, for this
very sign-in, and in time.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator

from connectors.codecs.printable import printable
from twin.domain.errors import ConfigError, ConnectorError, SignInError
from twin.domain.people import Role, Vouched
from twin.ports import IdentityProvider, Leaving

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that are believed: by a public key only."""
PATIENCE_S: Final = 600.0
"""How long somebody may take at the provider [s] (chosen default)."""
MOST_AWAY: Final = 1000
"""Sign-ins under way at once; the oldest is forgotten for another (chosen default)."""
LEEWAY_S: Final = 60
"""By how much the clocks may differ [s] (chosen default)."""
TIMEOUT_S: Final = 10.0
"""Longest wait for the provider [s] (chosen default)."""
KEPT_S: Final = 3600.0
"""How long the provider's description and keys are kept [s] (chosen default)."""


class Config(BaseModel):
    """An identity provider.

    Parameters
    ----------
    issuer : HttpUrl
        Its address, under which ``.well-known/openid-configuration`` lies; https, or on this machine.
    client_id : str
        Our name there.
    client_secret_file : Path
        File with our secret there.
    label : str
        What the button is called, such as the name of the firm.
    scopes : str
        What is asked for; ``openid`` is among it.
    name_claim, full_name_claim, group_claim : str
        Claims that say the account's name, the printed name, and the groups.
    roles : dict[str, Role]
        Role by group. Of several groups the one that comes first here counts. No group here: refused.
    """

    model_config = ConfigDict(extra="forbid")

    issuer: HttpUrl
    client_id: str = Field(min_length=1)
    client_secret_file: Path
    label: str = Field(min_length=1, max_length=60)
    scopes: str = "openid profile email"
    name_claim: str = "preferred_username"
    full_name_claim: str = "name"
    group_claim: str = "groups"
    roles: dict[str, Role] = Field(min_length=1)

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, issuer: HttpUrl) -> HttpUrl:
        if issuer.scheme != "https" and issuer.host not in ("127.0.0.1", "localhost", "[::1]"):
            raise ValueError(f"{issuer} is not encrypted; https would do")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _openid(cls, scopes: str) -> str:
        if "openid" not in scopes.split():
            raise ValueError(f"{scopes!r} does not ask for openid; openid profile would do")
        return scopes


def open_provider(config: Config, back: str) -> IdentityProvider:
    """Make the route; nothing is asked yet.

    Parameters
    ----------
    config : Config
    back : str
        Address the provider sends people back to.

    Raises
    ------
    ConfigError
        The secret can not be read, or the library is not installed.
    """
    try:
        import authlib.oidc.core  # noqa: F401
    except ImportError as error:
        remedy = "pip install 'bioline-twin[oidc]'"
        raise ConfigError(f"oidc: the library is not installed; {remedy}") from error
    try:
        secret = config.client_secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"client_secret_file {config.client_secret_file}: can not be read ({error})."
        ) from error
    if not secret:
        raise ConfigError(f"client_secret_file {config.client_secret_file}: is empty.")
    return OidcProvider(config, secret, back)


@dataclass(frozen=True, slots=True)
class _Away:
    """Somebody who was sent to the provider."""

    browser: str
    nonce: str
    verifier: str
    since_s: float


class OidcProvider:
    """`twin.ports.IdentityProvider` over HTTP."""

    def __init__(self, config: Config, secret: str, back: str) -> None:
        self.label = config.label
        self._config, self._secret, self._back = config, secret, back
        self._issuer = str(config.issuer).rstrip("/")
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._away: dict[str, _Away] = {}
        self._known: tuple[float, dict[str, Any], Any] | None = None

    async def leave(self) -> Leaving:
        """Where to send somebody, and the secret that the browser keeps meanwhile."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        about, _ = await self._about()
        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        self._remember(state, _Away(browser, nonce, verifier, time.monotonic()))
        url = prepare_grant_uri(
            about["authorization_endpoint"],
            self._config.client_id,
            "code",
            redirect_uri=self._back,
            scope=self._config.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Leaving(str(url), browser)

    async def come_back(self, browser: str, answer: Mapping[str, str]) -> Vouched:
        """Who came back with the provider's answer.

        Raises
        ------
        SignInError
            The answer is not to a question of ours, or not believed, or no group has a role.
        ConnectorError
            The provider can not be asked.
        """
        away = self._away.pop(answer.get("state", ""), None)
        late = away is None or time.monotonic() - away.since_s > PATIENCE_S
        if away is None or late or not secrets.compare_digest(away.browser, browser):
            raise SignInError("This sign-in was not begun in this browser, or took too long; begin again.")
        if "error" in answer:
            said = printable(answer.get("error_description", answer["error"]))[:200]
            raise SignInError(f"{self.label} did not sign in: {said}")
        token = await self._exchange(answer.get("code", ""), away.verifier)
        return self._vouched(await self._believed(token, away))

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()

    def _remember(self, state: str, away: _Away) -> None:
        now_s = time.monotonic()
        self._away = {key: each for key, each in self._away.items() if now_s - each.since_s <= PATIENCE_S}
        while len(self._away) >= MOST_AWAY:
            del self._away[next(iter(self._away))]
        self._away[state] = away

    async def _about(self, anew: bool = False) -> tuple[dict[str, Any], Any]:
        """The provider's description and its keys, kept for a while."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        now_s = time.monotonic()
        if self._known is None or anew or now_s - self._known[0] > KEPT_S:
            about = await self._asked(f"{self._issuer}/.well-known/openid-configuration")
            if str(about.get("issuer", "")).rstrip("/") != self._issuer:
                raise ConnectorError(
                    f"{self._issuer}: calls itself {about.get('issuer')!r:.100}; is it the one?"
                )
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                self._sound(name, str(about.get(name, "")))
            try:
                keys = KeySet.import_key_set(await self._asked(about["jwks_uri"]))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ConnectorError(f"{self._issuer}: its keys can not be read ({error}).") from error
            self._known = (now_s, about, keys)
        return self._known[1], self._known[2]

    def _sound(self, name: str, url: str) -> None:
        """A part of the provider lies on no weaker wire than the provider."""
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("https", str(self._config.issuer.scheme)):
            raise ConnectorError(f"{self._issuer}: its {name} {url!r:.100} is no encrypted address.")

    async def _asked(self, url: str) -> dict[str, Any]:
        try:
            response = await self._client.get(url, headers={"accept": "application/json"})
            response.raise_for_status()
            found = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectorError(
                f"{url}: no answer that can be read ({error}); does the provider run?"
            ) from error
        if not isinstance(found, dict):
            raise ConnectorError(f"{url}: came {type(found).__name__}; an object would do.")
        return found

    async def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code; the secret goes in the header, or in the body where only that is taken."""
        about, _ = await self._about()
        methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        header: httpx.Auth = httpx.BasicAuth(quote(self._config.client_id, ""), quote(self._secret, ""))
        if "client_secret_basic" not in methods:
            header = httpx.Auth()
            form |= {"client_id": self._config.client_id, "client_secret": self._secret}
        try:
            response = await self._client.post(
                about["token_endpoint"],
                data=form,
                auth=header,
                headers={"accept": "application/json"},
            )
            found = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectorError(f"{self._issuer}: no tokens ({error}); does the provider run?") from error
        if response.status_code != 200 or not isinstance(found, dict) or "id_token" not in found:
            said = found.get("error", "no id_token") if isinstance(found, dict) else "no object"
            said = f"HTTP {response.status_code}, {printable(str(said))[:100]}"
            raise SignInError(f"{self.label} gave no identity: {said}")
        return found

    async def _believed(self, answer: Mapping[str, Any], away: _Away) -> Mapping[str, Any]:
        """The claims of an identity, after its signature, issuer, audience, nonce and times were checked."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError

        def decoded(keys: Any) -> Any:
            return jwt.decode(str(answer["id_token"]), keys, algorithms=list(ALGORITHMS))

        try:
            try:
                token = decoded((await self._about())[1])
            except (JoseError, ValueError):  # perhaps its keys were changed
                token = decoded((await self._about(anew=True))[1])
            about, _ = await self._about()
            options = {
                "iss": {"essential": True, "value": about["issuer"]},
                "aud": {"essential": True, "value": self._config.client_id},
            }
            asked = {"nonce": away.nonce, "client_id": self._config.client_id}
            asked["access_token"] = str(answer.get("access_token", ""))
            claims = CodeIDToken(token.claims, token.header, options, asked)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInError(
                f"What {self.label} said is not believed: {printable(str(error))[:150]}"
            ) from error
        return dict(token.claims)

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        config = self._config
        name = str(claims.get(config.name_claim) or "").strip().lower().partition("@")[0]
        groups = claims.get(config.group_claim, [])
        theirs = {str(each) for each in groups} if isinstance(groups, list) else {str(groups)}
        role = next((role for group, role in config.roles.items() if group in theirs), None)
        full = printable(str(claims.get(config.full_name_claim) or name))[:80]
        language = "fr" if str(claims.get("locale", "")).lower().startswith("fr") else "en"
        return Vouched(f"{self._issuer}|{claims['sub']}", name, full, role, language)


def read_config(raw: object, where: Path) -> Config:
    """A configuration as written; refused with every fault.

    Raises
    ------
    ConfigError
        With every fault found, one a line.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        rows = (
            f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise ConfigError("\n".join(rows)) from error
