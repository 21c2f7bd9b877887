"""Settings from the environment: ``TWIN_...`` variables, each known by name."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TWIN_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(BaseSettings):
    """Where the service keeps its files and listens.

    Each field is set by the environment variable ``TWIN_<FIELD>``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    data_dir: Path = Field(default=Path(".data"), description="Folder of the stores of every line")
    host: str = Field(default="127.0.0.1", description="Address the pages are served on")
    port: int = Field(default=8800, ge=0, le=65535, description="Port the pages are served on; 0 = any free")
    allowed_hosts: str = Field(
        default="localhost,127.0.0.1,::1", description="Names the pages answer to, separated by commas"
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s#?]+/)?$",
        description="Address of the pages as people reach them, such as https://twin.example.org/",
    )
    sign_in: str = Field(
        default="required",
        pattern="^(required|local)$",
        description="required; or local: nobody signs in, whoever reaches the loopback address is operator",
    )
    oidc: Path | None = Field(default=None, description="File that names an identity provider")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @model_validator(mode="after")
    def _local_stays_local(self) -> "Settings":
        if self.local and self.host not in LOOPBACK:
            raise ValueError(
                f"TWIN_SIGN_IN=local goes with a loopback TWIN_HOST only; it is {self.host}. "
                "Leave TWIN_SIGN_IN away and invite people instead"
            )
        return self

    @model_validator(mode="after")
    def _reached(self) -> "Settings":
        if self.oidc is not None and not self.public_url:
            raise ValueError(
                "TWIN_OIDC needs TWIN_PUBLIC_URL, the address to which the provider sends people back, "
                "such as https://twin.example.org/"
            )
        return self

    @property
    def local(self) -> bool:
        """True when nobody signs in."""
        return self.sign_in == "local"


def misspelt(environment: Mapping[str, str] | None = None) -> list[str]:
    """Faults for ``TWIN_`` variables that mean nothing, each with the nearest known name."""
    env = os.environ if environment is None else environment
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    unknown = sorted(name for name in env if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [_fault(name, known) for name in unknown]


def _fault(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"environment variable {name}: not known; {hint}"
