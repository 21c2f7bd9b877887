"""The port of a stored run that is shown as if it were live."""

from typing import Protocol

from twin.domain.playback import PlayState


class Playback(Protocol):
    """The playhead of a stored run; raises `InputError` for what it can not do."""

    def state(self) -> PlayState:
        """Where it stands."""
        ...

    def play(self, speed: float | None) -> None:
        """Go on from here at `speed` times real time; None: as fast as it goes."""
        ...

    def pause(self) -> None:
        """Stand still here."""
        ...

    def seek(self, time_ns: int) -> None:
        """Jump to a time [ns since 1970-01-01 UTC]."""
        ...

    def step(self, seconds: float) -> None:
        """Jump by some time, back when negative [s], and stand there."""
        ...

    def look_back(self, hindsight: bool) -> None:
        """Show what is known by now, or what was known at the playhead."""
        ...
