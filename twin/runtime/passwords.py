"""Passwords: argon2id hashes made and checked beside the loop, weak ones refused."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from twin.domain.errors import InputError

SHORTEST, LONGEST = 12, 128
"""Signs of a password (chosen defaults; OWASP ASVS 5.0, 6.2.1 asks for at least 8)."""
LEAST_SCORE = 3
"""Of zxcvbn's 0 to 4: 10^8 guesses or more."""
JUDGED = 72
"""zxcvbn looks at so many signs at most; its effort grows with their number."""


class Passwords:
    """argon2id with 19 MiB and two passes (OWASP password storage cheat sheet), two at a time at most."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._few = asyncio.Semaphore(2)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash that is kept."""
        async with self._few:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one kept; takes as long when nothing is kept."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        async with self._few:
            return await asyncio.to_thread(self._verify, kept or self._nobody, password) and kept is not None

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def check_strength(password: str, about: list[str]) -> None:
    """Refuse a password that is short, long or easily guessed; `about` are words near its owner.

    Raises
    ------
    InputError
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"The password has {len(password)} signs; {SHORTEST} to {LONGEST} would do.")
    if zxcvbn(password[:JUDGED], user_inputs=about)["score"] < LEAST_SCORE:
        raise InputError("The password is easily guessed; four words that do not belong together would do.")
