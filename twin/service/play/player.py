"""The playhead of a recording: a clock that plays, pauses, steps and jumps."""

import time

from twin.domain.errors import InputError
from twin.domain.instant import iso
from twin.domain.playback import FASTEST, Mark, PlayState
from twin.domain.tag import TagKind
from twin.processes.base import model_ref
from twin.service.model import process_of
from twin.service.play.recording import Recording


class Player:
    """`twin.ports.Playback` and the `Clock` of the pages.

    Parameters
    ----------
    recording : Recording
    run : str
        What is played, in words.
    line_sha256 : str
        Hash of the line file.
    """

    kept = False
    """True when the run is in the line's stores"""
    speed = 1.0
    """of the clock as the line describes it; how fast the playhead moves is in `state`"""

    def __init__(self, recording: Recording, run: str, line_sha256: str) -> None:
        self.recording, self._run, self._line_sha256 = recording, run, line_sha256
        self._pace: float | None = 1.0
        self._playing, self.epoch, self.hindsight = False, 0, False
        self._origin_ns, self._since = recording.start_ns, time.monotonic()
        self._models = tuple(
            (v.id, model_ref(process_of(v), v.process_model))
            for v in (each.vessel for each in recording.engine.vessels.values())
            if v.process
        )

    def now_ns(self) -> int:
        """The playhead [ns since 1970-01-01 UTC]; waits for the engine where that is behind.

        At the end of a run that is worked through nothing plays on: it stands there.
        """
        r = self.recording
        at_ns = min(self._aimed_ns(), max(r.ready_ns, r.start_ns))
        if self._playing and r.finished and at_ns >= r.end_ns:
            self._stand(at_ns)
            self._playing = False
        return at_ns

    def _aimed_ns(self) -> int:
        """Where the playhead would be were everything worked through [ns]."""
        if not self._playing:
            return self._origin_ns
        if self._pace is None:
            return self.recording.end_ns
        return self._origin_ns + round((time.monotonic() - self._since) * self._pace * 1e9)

    async def sleep(self, seconds: float) -> None:
        """Nobody waits for this clock."""
        raise NotImplementedError

    def known_ns(self) -> int:
        """Up to when what was found counts: the playhead, or with hindsight all there is."""
        return self.recording.ready_ns if self.hindsight else self.now_ns()

    def play(self, speed: float | None) -> None:
        """Go on from here at `speed` times real time; None: as fast as it goes."""
        if speed is not None and not 0.0 < speed <= FASTEST:
            raise InputError(f"speed {speed:g} came; more than 0 and up to {FASTEST:g}, or max, would do")
        self._stand(self.now_ns())
        self._pace, self._playing = speed, True

    def pause(self) -> None:
        """Stand still here."""
        self._stand(self.now_ns())
        self._playing = False

    def seek(self, time_ns: int) -> None:
        """Jump to a time [ns]; playing or not stays as it was."""
        r = self.recording
        if not r.start_ns <= time_ns <= r.end_ns:
            raise InputError(
                f"{iso(time_ns)} is not in the run; {iso(r.start_ns)} to {iso(r.end_ns)} would do"
            )
        if time_ns > max(r.ready_ns, r.start_ns):
            raise InputError(
                f"the run is worked through up to {iso(r.ready_ns)} so far; {iso(time_ns)} comes in a while"
            )
        self.now_ns()  # whoever jumps back from the end stands there, too
        self._stand(time_ns)
        self.epoch += 1

    def step(self, seconds: float) -> None:
        """Jump by some time, back when negative [s], within what is ready; and stand there."""
        r = self.recording
        self._playing, before_ns = False, self.now_ns()
        wanted_ns = before_ns + round(seconds * 1e9)
        self.seek(min(max(wanted_ns, r.start_ns), max(r.ready_ns, r.start_ns)))

    def look_back(self, hindsight: bool) -> None:
        """Show what is known by now (True), or what was known at the playhead."""
        self.hindsight = hindsight
        self.epoch += 1

    def _stand(self, time_ns: int) -> None:
        self._origin_ns, self._since = time_ns, time.monotonic()

    def state(self) -> PlayState:
        """Where the playback stands."""
        r, now_ns = self.recording, self.now_ns()
        return PlayState(
            self._run,
            r.start_ns,
            r.end_ns,
            max(r.ready_ns, r.start_ns),
            now_ns,
            self._pace,
            self._playing,
            self.epoch,
            self.hindsight,
            self._models,
            self._line_sha256,
            self._marks(),
            self.kept,
            r.filled,
        )

    def _marks(self) -> tuple[Mark, ...]:
        """Findings told and samples drawn up to where the engine is."""
        tags = [t for v in self.recording.engine.vessels.values() for t in v.vessel.tags]
        drawn = {
            time_ns: tag.id
            for tag in tags
            if tag.kind is TagKind.ASSAY
            for time_ns in self.recording.measured[tag.id].time
        }
        told = [
            Mark(known_ns, "event", e.condition)
            for known_ns, e in self.recording.told
            if e.stage.value == "confirmed"
        ]
        return (*told, *(Mark(t, "sample", tag) for t, tag in sorted(drawn.items())))
