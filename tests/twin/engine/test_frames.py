"""Frames: the same data give the same frames, however they were batched and shuffled."""

from hypothesis import given
from hypothesis import strategies as st

from twin.domain.measurement import Measurement, Quality
from twin.engine.frames import MOST_EMPTY, SECOND, FrameCutter

FRAME, GRACE = 60 * SECOND, 600 * SECOND


def row(t: int, tag: str = "R1.pH", source: str = "ua") -> Measurement:
    return Measurement(tag, float(t), Quality.GOOD, t * SECOND, t * SECOND, source=source)


def cut(rows: list[Measurement], sizes: list[int]) -> list[tuple[int, list[int]]]:
    cutter = FrameCutter(FRAME, GRACE)
    cutter.add(row(1))
    frames: list[tuple[int, list[int]]] = []
    it = iter(rows)
    for size in [*sizes, len(rows)]:
        for _ in range(size):
            m = next(it, None)
            if m is not None:
                assert cutter.add(m)
        frames += [(end, [m.time_ns for m in part]) for end, part in cutter.close()]
    return frames + [(end, [m.time_ns for m in part]) for end, part in cutter.close(cutter.last_end_ns())]


@given(
    st.lists(st.integers(1, 500), max_size=60, unique=True),
    st.randoms(),
    st.lists(st.integers(1, 9), max_size=9),
)
def test_D_02_batching_and_disorder_within_the_grace_change_nothing(times, random, sizes) -> None:
    ordered = [row(t) for t in sorted(times)]
    shuffled = list(ordered)
    random.shuffle(shuffled)
    assert cut(ordered, []) == cut(shuffled, sizes)


def test_every_row_is_in_exactly_one_frame_and_in_order() -> None:
    rows = [row(t) for t in range(2, 700, 7)]
    found = [t for _, part in cut(rows, []) for t in part]
    assert found == sorted([SECOND] + [m.time_ns for m in rows])


def test_a_frame_waits_for_the_slower_wire() -> None:
    cutter = FrameCutter(FRAME, 0)
    cutter.add(row(10, source="slow"))
    for t in range(10, 131, 10):
        cutter.add(row(t, "R1.pO2", "fast"))
    assert list(cutter.close()) == []
    cutter.add(row(130, source="slow"))
    assert [end // SECOND for end, _ in cutter.close()] == [60, 120]


def test_a_wire_that_speaks_no_more_is_not_waited_for() -> None:
    cutter = FrameCutter(FRAME, 0)
    cutter.add(row(10, source="once"))
    for t in range(10, 400, 10):
        cutter.add(row(t, "R1.pO2", "fast"))
    assert [end // SECOND for end, _ in cutter.close()] == [60, 120, 180, 240, 300, 360]


def test_the_clock_closes_frames_nobody_completes() -> None:
    cutter = FrameCutter(FRAME, GRACE)
    cutter.add(row(10))
    assert [end // SECOND for end, _ in cutter.close(200 * SECOND)] == [60, 120, 180]
    assert not cutter.add(row(100)), "its frame is closed"


def test_an_absence_of_days_is_passed_over() -> None:
    cutter = FrameCutter(FRAME, 0)
    cutter.add(row(10))
    later = 10 + 3 * MOST_EMPTY * FRAME // SECOND
    cutter.add(row(later))
    assert len(list(cutter.close((later + 60) * SECOND))) < 5
