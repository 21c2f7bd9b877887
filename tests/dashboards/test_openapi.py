"""The interface under schemathesis: every route, from its own description, as every role.

A few examples by default; ``BIOLINE_SCHEMATHESIS=200 pytest tests/dashboards/test_openapi.py`` tries more.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import time_ns

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.python import asgi
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance
from scripted_view import ScriptedView, alarm, drift, forecast, line, people
from test_playbar import ScriptedPlayback

from dashboards.access import PREFIX, ROUTES
from dashboards.app import create_app
from twin.domain.asset import Origin
from twin.domain.people import PERMISSIONS, Actor, Permission, Role
from twin.runtime import people as people_module
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles

EXAMPLES = int(os.environ.get("BIOLINE_SCHEMATHESIS", "3"))
"""Random requests of each kind for each route, by the role that is meant to use it."""

EXCLUDED = [positive_data_acceptance]
"""What has the right shape may be refused for what it means: an unknown channel, too long a time."""

Call = Callable[[Case], None]


@pytest.fixture
def view(monkeypatch, tmp_path) -> ScriptedView:
    async def as_it_is(_, password):
        return password

    async def equal(_, password, kept):
        return password == kept

    monkeypatch.setattr(people_module.Passwords, "hash", as_it_is)
    monkeypatch.setattr(people_module.Passwords, "fits", equal)
    view = ScriptedView(people=people(), line=replace(line(), origin=Origin.REPLAY))
    view.ahead, view.playback = [forecast()], ScriptedPlayback(view)
    view.models = ModelBook(view.people._ledger, ModelFiles(tmp_path / "models"), True, time_ns)
    view.raise_alarm(alarm(drift()))
    return view


def calling(view: ScriptedView, app, role: Role | None) -> Call:
    """A way to send a case as that role, and to hold the answer to the description."""
    root = Actor("root", Role.ADMINISTRATOR, "test")
    token = view.people.admit(f"{role}-machine", role, 1.0, root) if role else ""
    headers = {"authorization": f"Bearer {token}"} if role else {}

    def call(case: Case) -> None:
        with asgi.get_client(app, max_stream_events=1) as client:  # the live stream: its first event
            answer = case.call(session=client, base_url="http://localhost", headers=headers)
        case.validate_response(answer, headers=headers, excluded_checks=EXCLUDED)
        assert answer.status_code < 500

    return call


def user_of(operation: APIOperation) -> Role | None:
    """Whoever a route is made for: the first role that may."""
    short = operation.path.removeprefix(PREFIX).replace("{alarm_id}", "{alarm_id:path}")
    short = short.replace("{path}", "{path:path}")
    needed: Permission | None = ROUTES[operation.method.upper(), short]
    able = [role for role in (Role.ENGINEER, Role.ADMINISTRATOR, Role.QUALITY) if needed in PERMISSIONS[role]]
    return able[0] if needed else None


def operations(view: ScriptedView) -> Iterator[APIOperation]:
    app = create_app(view, hosts={"localhost", asgi.HOST})
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return (each.ok() for each in schema.get_all_operations())


def tried(operation: APIOperation, mode: GenerationMode, examples: int, call: Call) -> None:
    """Random requests that fit the description, or do not."""

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        call(case)

    try:
        each()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a route that takes nothing can not be asked wrongly"


@pytest.mark.parametrize("role", [None, *Role])
def test_F_05_every_route_answers_every_role_as_described(view, role):
    found = list(operations(view))
    assert len(found) == len(ROUTES)
    call = calling(view, found[0].app, role)
    for operation in found:
        if user_of(operation) is role:
            tried(operation, GenerationMode.NEGATIVE, EXAMPLES, call)
            tried(operation, GenerationMode.POSITIVE, EXAMPLES, call)
        else:
            tried(operation, GenerationMode.POSITIVE, 1, call)


@pytest.mark.parametrize("role", [None, Role.ENGINEER, Role.ADMINISTRATOR, Role.QUALITY])
def test_F_05_the_edges_of_every_parameter_and_field_are_answered_as_described(view, role):
    found = list(operations(view))
    call = calling(view, found[0].app, role)
    mine = [each for each in found if user_of(each) is role]
    assert mine
    for operation in mine:
        generation = operation.schema.config.generation
        for case in operation.schema.iter_coverage_cases(
            operation, generation_modes=list(GenerationMode), generation_config=generation
        ):
            call(case)


def test_every_reference_of_the_description_leads_somewhere(view):
    def references(part) -> Iterator[str]:
        if isinstance(part, dict):
            yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
            for each in part.values():
                yield from references(each)
        elif isinstance(part, list):
            for each in part:
                yield from references(each)

    document = create_app(view).openapi()
    found = set(references(document))
    assert "#/components/schemas/Foresight" in found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_route_that_needs_a_permission_says_how_to_sign_in(view):
    paths = create_app(view).openapi()["paths"]
    for (method, path), needed in ROUTES.items():
        short = path.replace(":path", "")
        operation = paths[short if short in paths else PREFIX + short][method.lower()]
        assert ("security" in operation) is (needed is not None)
        assert ("401" in operation["responses"]) >= (needed is not None)
