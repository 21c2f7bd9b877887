"""The page of what is tested says what the tests say."""

from conformance import PAGE, carried, catalogue, page


def test_the_page_is_as_the_tests_make_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make conformance`"


def test_every_id_is_carried_by_a_test_or_says_why_not() -> None:
    tests = carried()
    rows = {id: row for chapter in catalogue().values() for id, row in chapter.items()}
    assert [id for id, row in rows.items() if not tests.get(id) and not row.get("why")] == []


def test_no_test_carries_an_id_that_nobody_knows() -> None:
    known = {id for chapter in catalogue().values() for id in chapter}
    assert set(carried()) - known == set()
