"""Models by name and version: proposed, approved, run, rolled back; what is tampered with is refused."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from connectors.ledgers.sqlite import SqliteLedger
from dashboards.app import create_app
from twin.domain.asset import Line
from twin.domain.errors import (
    ConfigError,
    InputError,
    NotAllowedError,
    NotFoundError,
    StorageError,
    TwinError,
)
from twin.domain.people import Actor, Person, Role
from twin.domain.registry import Standing
from twin.processes.cho_growth import build
from twin.runtime.people import PeopleBook
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.content_hash import KEY, hashed_yaml
from twin.service.normal import watches
from twin.service.notebook import open_run
from twin.service.pages import open_pages
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles, read
from twin.service.registry.resolve import read_registry, resolved
from twin.service.replay import Replay
from twin.service.settings import Settings

ENGINEER = Actor("emma", Role.ENGINEER, "test")
QUALITY = Actor("quentin", Role.QUALITY, "test")
PASSWORD = "nine violet trams hum"
LINE = """
schema: 1
line: l1
vessels:
  - id: R1
    process: {kind: cho_growth, model: growth}
    tags: {use: cho_counts}
files:
  time: hour
  format: hours
  epoch: 2024-01-01T00:00:00Z
  key: vessel
  values: [{column: vcd, tag: VCD}, {column: via, tag: viability}]
"""


def parameters(folder: Path, mu0: float) -> Path:
    """A file as twin calibrate writes it."""
    process = build({"mu0": mu0})
    document = {
        "process": {"kind": process.id, "parameters": {p.name: p.value for p in process.parameters}},
        "model_version": process.version,
        "files": [{"name": "counts.csv", "sha256": "ab" * 32}],
        "runs": [{"run": "A-R1", "group": "A", "counts": 9, "sha256": "cd" * 32}],
    }
    path = folder / f"P{mu0}.yaml"
    path.write_bytes(hashed_yaml(document))
    return path


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TWIN_PORT", "1")
    path = tmp_path / "line.yaml"
    path.write_text(LINE)
    return path


@pytest.fixture
def book(line: Path) -> Iterator[ModelBook]:
    ledger = SqliteLedger(line.parent / "l1" / "ledger.sqlite")
    yield ModelBook(ledger, ModelFiles(line.parent / "l1" / "models"), True, lambda: 7)
    ledger.close()


def proposed(book: ModelBook, path: Path, by: Actor = ENGINEER, name: str = "growth") -> str:
    sha256, _ = book._files.keep(path)
    return asyncio.run(book.propose(name, sha256, "counts of May", by)).id


def approved(book: ModelBook, path: Path) -> str:
    use = proposed(book, path)
    asyncio.run(book.approve(use, "residuals looked at", QUALITY))
    return use


def run_line(path: Path, **settings: object) -> Line:
    return resolved(*load_line(path), Settings(), **{"approved_only": True, **settings})  # type: ignore[arg-type]


def test_only_an_approved_version_runs_and_a_pin_stays(line: Path, book: ModelBook, tmp_path: Path) -> None:
    first = proposed(book, parameters(tmp_path, 0.03))
    with pytest.raises(NotFoundError, match="no version is approved \\(1 proposed\\)"):
        run_line(line)
    asyncio.run(book.approve(first, "good", QUALITY))
    second = proposed(book, parameters(tmp_path, 0.02))
    (vessel,) = run_line(line).vessels
    assert (vessel.process_model, vessel.parameters["mu0"]) == ("growth@1", 0.03)
    line.write_text(LINE.replace("model: growth", "model: growth@2"))
    with pytest.raises(ConfigError, match="growth@2 is proposed, not approved"):
        run_line(line)
    for command in ("run", "check"):
        told = CliRunner().invoke(app, [command, str(line)])
        assert "growth@2 is proposed, not approved" in str(told.exception), command
    (tried,) = run_line(line, approved_only=False).vessels
    assert (tried.process_model, tried.parameters["mu0"]) == ("growth@2", 0.02)
    asyncio.run(book.approve(second, "better", QUALITY))
    line.write_text(LINE.replace("model: growth", "model: growth@1"))
    assert run_line(line).vessels[0].process_model == "growth@1", "a pin stays where it is"


def test_a_roll_back_returns_to_the_version_before_and_withdraws_the_other(
    line: Path, book: ModelBook, tmp_path: Path
) -> None:
    approved(book, parameters(tmp_path, 0.03))
    approved(book, parameters(tmp_path, 0.02))
    assert run_line(line).vessels[0].process_model == "growth@2"
    back = asyncio.run(book.roll_back("growth@1", "false alarms since", QUALITY))
    assert back.standing is Standing.APPROVED
    assert run_line(line).vessels[0].process_model == "growth@1"
    line.write_text(LINE.replace("model: growth", "model: growth@2"))
    with pytest.raises(ConfigError, match="growth@2 is withdrawn"):
        run_line(line)
    for use in ("growth@1", "growth@2"):
        with pytest.raises(InputError, match="approved besides: none"):
            asyncio.run(book.roll_back(use, "again", QUALITY))


def test_who_may_do_what(book: ModelBook, tmp_path: Path) -> None:
    path = parameters(tmp_path, 0.03)
    sha256, _ = book._files.keep(path)
    for role in set(Role) - {Role.ENGINEER}:
        with pytest.raises(NotAllowedError, match="engineer"):
            asyncio.run(book.propose("growth", sha256, "why", Actor("x", role)))
    proposed(book, path)
    for act in (book.approve, book.reject, book.roll_back):
        for role in set(Role) - {Role.QUALITY}:
            with pytest.raises(NotAllowedError, match="approve"):
                asyncio.run(act("growth@1", "why", Actor("x", role)))
        with pytest.raises(NotAllowedError, match="program"):
            asyncio.run(act("growth@1", "why", Actor("robot", Role.QUALITY, program=True)))
        with pytest.raises(InputError, match="Say why"):
            asyncio.run(act("growth@1", "  ", QUALITY))
    assert book.registry().version("growth@1").standing is Standing.PROPOSED


def test_whoever_proposed_does_not_approve_unless_the_line_allows_it(book: ModelBook, tmp_path: Path) -> None:
    use = proposed(book, parameters(tmp_path, 0.03))
    promoted = Actor(ENGINEER.name, Role.QUALITY, "test")
    with pytest.raises(NotAllowedError, match="somebody else approves"):
        asyncio.run(book.approve(use, "mine", promoted))
    book.two_persons = False
    assert asyncio.run(book.approve(use, "alone here", promoted)).standing is Standing.APPROVED


def test_everything_is_in_the_trail_with_hash_who_and_why(book: ModelBook, tmp_path: Path) -> None:
    path = parameters(tmp_path, 0.03)
    use = approved(book, path)
    first, second = (entry.deed for entry in book._ledger.trail())
    sha256, contents = book._files.keep(path)
    assert (first.action, first.subject, first.who, first.why) == (
        "model.propose", "growth@1", "emma", "counts of May",
    )  # fmt: skip
    assert first.new == f"process cho_growth 1 {contents.model.parameters} sha256:{sha256}"
    assert (second.action, second.old, second.new) == (
        "model.approve", "proposed", f"approved sha256:{sha256}",
    )  # fmt: skip
    rests = asyncio.run(book.contents(use)).rests_on
    assert [(r.part, r.name, r.sha256[:2]) for r in rests] == [
        ("file", "counts.csv", "ab"),
        ("run", "A-R1", "cd"),
    ]


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_file_that_was_changed_or_is_gone_neither_runs_nor_is_approved(
    line: Path, book: ModelBook, tmp_path: Path, harm: str
) -> None:
    approved(book, parameters(tmp_path, 0.03))
    second = proposed(book, parameters(tmp_path, 0.02))
    for version in book.registry().versions["growth"]:
        path = tmp_path / "l1" / "models" / f"{version.sha256}.yaml"
        if harm == "missing":
            path.unlink()
        else:
            path.write_text(path.read_text().replace("mu0: 0.0", "mu0: 0.1"))
    said = "is missing" if harm == "missing" else "is not as it was proposed"
    with pytest.raises(ConfigError, match=said):
        run_line(line)
    with pytest.raises(ConfigError, match=said):
        run_line(line, approved_only=False)
    with pytest.raises(InputError, match=said):
        asyncio.run(book.approve(second, "why", QUALITY))


def test_an_approval_written_into_the_ledger_by_hand_is_refused(
    line: Path, book: ModelBook, tmp_path: Path
) -> None:
    proposed(book, parameters(tmp_path, 0.03))
    with sqlite3.connect(tmp_path / "l1" / "ledger.sqlite") as db:
        row = db.execute("SELECT * FROM trail WHERE number = 1").fetchone()
        sha256 = row[8].partition("sha256:")[2]
        forged = (2, 8, "quentin", "quality", "x", "model.approve", "growth@1", "proposed")
        more = (f"approved sha256:{sha256}", "forged", "00" * 32)
        db.execute("INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*forged, *more))
    db.close()
    with pytest.raises(StorageError, match="entry 2 is not as it was written; no model is taken from it"):
        run_line(line)


def test_other_software_than_it_was_proposed_with_is_refused(
    line: Path, book: ModelBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(book, parameters(tmp_path, 0.03))
    monkeypatch.setattr(type(build({})), "version", "2")
    with pytest.raises(ConfigError, match=r"was made with cho_growth 1; this software has cho_growth 2"):
        run_line(line)


def test_what_is_no_model_is_refused_with_its_faults(book: ModelBook, tmp_path: Path) -> None:
    good = yaml.safe_load(parameters(tmp_path, 0.03).read_text())
    del good[KEY]
    for change, said in (
        ({"process": {"kind": "nothing"}}, "kind 'nothing' is not known"),
        ({"process": {"kind": "cho_growth", "parameters": {"mu0": "much"}}}, "process.parameters.mu0"),
        ({"process": {"kind": "cho_growth", "parameters": {"muu": 1.0}}}, "muu"),
        ({"model_version": None}, "model_version"),
        ({"files": [{"name": "a", "sha256": "zz"}]}, "files.0.sha256"),
    ):
        bad = tmp_path / "bad.yaml"
        bad.write_bytes(hashed_yaml({**good, **change}))
        with pytest.raises(ConfigError, match=said):
            book._files.keep(bad)
    (tmp_path / "bad.model").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ConfigError, match="no model of good runs"):
        read(tmp_path / "bad.model")
    with pytest.raises(ConfigError, match="no such file"):
        book._files.keep(tmp_path / "nowhere.yaml")
    assert not list((tmp_path / "l1").glob("models/*"))


def test_versions_that_are_not_there_and_second_decisions_are_refused(
    book: ModelBook, tmp_path: Path
) -> None:
    use = approved(book, parameters(tmp_path, 0.03))
    for wrong, error in (("growth@9", NotFoundError), ("other@1", NotFoundError), ("no name", InputError)):
        with pytest.raises(error):
            asyncio.run(book.approve(wrong, "why", QUALITY))
    with pytest.raises(InputError, match="is approved; only a proposed one"):
        asyncio.run(book.reject(use, "why", QUALITY))
    with pytest.raises(InputError, match="is version 1 already"):
        proposed(book, parameters(tmp_path, 0.03))
    with pytest.raises(InputError, match="no file 000000000000"):
        asyncio.run(book.propose("growth", "0" * 64, "why", ENGINEER))


def test_a_line_without_models_needs_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path))
    path = tmp_path / "line.yaml"
    path.write_text(LINE.replace(", model: growth", ""))
    line_file, built = load_line(path)
    assert resolved(line_file, built, Settings(), approved_only=True) is built
    with pytest.raises(ConfigError, match="names no model growth"):
        resolved(line_file, built, Settings(), approved_only=True, others=["growth@1"])


@pytest.mark.parametrize(
    "more",
    [
        "process: {kind: cho_growth, model: 'gro wth'}",
        "process: {kind: cho_growth, model: growth@0}",
        "process: {kind: cho_growth, model: growth, parameters: {mu0: 0.03}}",
    ],
)
def test_a_line_file_that_names_a_model_wrongly_is_refused(tmp_path: Path, more: str) -> None:
    path = tmp_path / "line.yaml"
    path.write_text(LINE.replace("process: {kind: cho_growth, model: growth}", more))
    with pytest.raises(ConfigError):
        load_line(path)


def test_a_model_that_was_not_taken_from_the_registry_is_never_run_with_other_parameters(
    line: Path, book: ModelBook, tmp_path: Path
) -> None:
    line_file, built = load_line(line)
    with pytest.raises(ConfigError, match="model growth was not taken from the registry"):
        Replay(line_file, built)
    vessel = replace(built.vessels[0], process_model="", normal_model="good-runs")
    with pytest.raises(ConfigError, match="model good-runs was not taken from the registry"):
        watches(replace(built, vessels=(vessel,)), tmp_path)
    approved(book, parameters(tmp_path, 0.03))
    run = open_run(culture(tmp_path), line=line)
    assert run.line.vessels[0].process_model == "growth@1"
    assert run.line.vessels[0].parameters["mu0"] == 0.03


# the command line


def account(ledger: SqliteLedger, name: str, role: Role) -> None:
    people = PeopleBook(ledger, lambda: 1)
    invitation = people.invite(Person(name, name, role), Actor("root", Role.ADMINISTRATOR))
    asyncio.run(people.accept(invitation, "", PASSWORD, "test"))


@pytest.fixture
def staffed(line: Path) -> Path:
    ledger = SqliteLedger(line.parent / "l1" / "ledger.sqlite")
    for name, role in (("emma", Role.ENGINEER), ("quentin", Role.QUALITY)):
        account(ledger, name, role)
    ledger.close()
    (line.parent / "secret").write_text(PASSWORD)
    return line


def twin(*arguments: object) -> str:
    told = CliRunner().invoke(app, ["model", *map(str, arguments)])
    if isinstance(told.exception, TwinError):
        raise told.exception
    assert told.exit_code == 0, told.output
    return told.output


def as_(name: str, folder: Path) -> tuple[object, ...]:
    return ("--as", name, "--password-file", folder / "secret", "--why", "asked for")


def test_the_commands_beside_a_stopped_service(staffed: Path, tmp_path: Path) -> None:
    path = parameters(tmp_path, 0.03)
    assert "growth@1: proposed" in twin("propose", staffed, "growth", path, *as_("emma", tmp_path))
    with pytest.raises(NotAllowedError):
        twin("approve", staffed, "growth@1", *as_("emma", tmp_path))
    assert "growth@1: approved" in twin("approve", staffed, "growth@1", *as_("quentin", tmp_path))
    listed = twin("list", staffed)
    assert "approved (in force)" in listed
    assert "quentin" in listed
    shown = twin("show", staffed, "growth@1")
    assert "asked for" in shown
    assert "counts.csv" in shown
    assert "A-R1" in shown
    assert "mu0" in shown
    assert "proposed" in twin("propose", staffed, "growth", "--process", "cho_growth", *as_("emma", tmp_path))
    assert "growth@2: rejected" in twin("reject", staffed, "growth@2", *as_("quentin", tmp_path))
    (tmp_path / "secret").write_text("something else entirely")
    with pytest.raises(TwinError):
        twin("approve", staffed, "growth@2", *as_("quentin", tmp_path))


def test_a_roll_back_says_what_is_in_force_and_what_was_withdrawn(staffed: Path, tmp_path: Path) -> None:
    for number, rate in enumerate((0.03, 0.02, 0.025), 1):
        twin("propose", staffed, "growth", parameters(tmp_path, rate), *as_("emma", tmp_path))
        twin("approve", staffed, f"growth@{number}", *as_("quentin", tmp_path))
    first = twin("rollback", staffed, "growth@2", *as_("quentin", tmp_path))
    assert "growth@2: in force again" in first
    assert "growth@3: withdrawn" in first
    second = twin("rollback", staffed, "growth@1", *as_("quentin", tmp_path))
    assert "growth@1: in force again" in second
    assert "growth@2: withdrawn" in second
    assert "growth@3" not in second


async def test_the_commands_beside_a_running_service_and_what_doctor_says(
    staffed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parameters(tmp_path, 0.03)
    await asyncio.to_thread(twin, "propose", staffed, "growth", path, *as_("emma", tmp_path))
    await asyncio.to_thread(twin, "approve", staffed, "growth@1", *as_("quentin", tmp_path))
    line_file, built = load_line(staffed)
    settings = Settings(port=0)
    built = resolved(line_file, built, settings, approved_only=True)
    async with open_service(line_file, built, settings) as service, open_pages(service.view, settings) as url:
        monkeypatch.setenv("TWIN_PORT", url.rstrip("/").rpartition(":")[2])
        better = parameters(tmp_path, 0.02)
        told = await asyncio.to_thread(twin, "propose", staffed, "growth", better, *as_("emma", tmp_path))
        assert "growth@2: proposed (by the service" in told
        with pytest.raises(InputError, match="may not do this; these may: quality"):
            await asyncio.to_thread(twin, "approve", staffed, "growth@2", *as_("emma", tmp_path))
        told = await asyncio.to_thread(twin, "approve", staffed, "growth@2", *as_("quentin", tmp_path))
        assert "growth@2: approved" in told
        assert service.line.vessels[0].process_model == "growth@1", "nothing changes while it runs"
        back = await asyncio.to_thread(twin, "rollback", staffed, "growth@1", *as_("quentin", tmp_path))
        assert "growth@1: in force again" in back
        assert "growth@2: withdrawn" in back
        third = parameters(tmp_path, 0.025)
        await asyncio.to_thread(twin, "propose", staffed, "growth", third, *as_("emma", tmp_path))
        await asyncio.to_thread(twin, "approve", staffed, "growth@3", *as_("quentin", tmp_path))
        said = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", str(staffed)])
        assert "process model growth@3; the service took growth@1 when it started last" in " ".join(
            said.output.split()
        )
    registry = read_registry(line_file, built, settings)
    assert registry.in_use["R1/process"] == "growth@1"


# replay with the recorded version


def culture(folder: Path) -> Path:
    rows = ["vessel,hour,vcd,via"]
    rows += [f"R1,{h},{0.4 * 2.718281828 ** (0.03 * h):.4f},{98 - h / 40:.2f}" for h in range(0, 193, 12)]
    rows += [f"R1,{h},{9.0 if h > 200 else 60.0},{97 - h / 4:.2f}" for h in range(196, 260, 6)]
    path = folder / "run.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def replayed(line: Path, out: Path, *more: str) -> bytes:
    run = culture(out.parent)
    arguments = ["replay", str(run), "--line", str(line), "--out", str(out), *more]
    told = CliRunner().invoke(app, arguments)
    if isinstance(told.exception, TwinError):
        raise told.exception
    assert told.exit_code == 0, told.output
    return out.read_bytes()


def test_a_replay_with_the_recorded_version_gives_the_same_bytes(
    line: Path, book: ModelBook, tmp_path: Path
) -> None:
    approved(book, parameters(tmp_path, 0.03))
    recorded = replayed(line, tmp_path / "first.jsonl")
    named = [e["model"]["registered"] for e in map(json.loads, recorded.splitlines()) if e["model"]]
    assert named
    assert set(named) == {"growth@1"}
    approved(book, parameters(tmp_path, 0.01))
    newer = replayed(line, tmp_path / "second.jsonl")
    assert b"growth@2" in newer
    assert newer != recorded
    assert replayed(line, tmp_path / "again.jsonl", "--model", named[0]) == recorded


# the interface


async def test_the_interface_lists_decides_and_refuses(staffed: Path, tmp_path: Path) -> None:
    line_file, bare = load_line(_bare(staffed))
    async with open_service(line_file, bare, Settings()) as service:
        files = ModelFiles(tmp_path / "l1" / "models")
        sha256, _ = files.keep(parameters(tmp_path, 0.03))
        transport = httpx.ASGITransport(create_app(service.view))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as client:
            client.headers["origin"] = "http://localhost"

            async def sign_in(name: str) -> None:
                client.cookies.clear()
                await client.post("session", json={"name": name, "password": PASSWORD})

            async def decide(what: str, why: str = "looked at") -> httpx.Response:
                return await client.post(f"models/growth/1/{what}", json={"why": why})

            await sign_in("emma")
            made = await client.post("models", json={"name": "growth", "sha256": sha256, "why": "new counts"})
            assert made.json()["id"] == "growth@1"
            assert (await decide("approve")).status_code == 403
            held = (await client.get("models/growth/1")).json()
            assert held["values"]["mu0"] == 0.03
            assert held["rests_on"][1] == {"part": "run", "name": "A-R1", "sha256": "cd" * 32}
            assert (await client.get("models/growth/7")).status_code == 404
            await sign_in("quentin")
            assert (await decide("approve", "")).status_code == 422
            assert (await decide("approve")).json()["standing"] == "approved"
            assert (await decide("roll-back")).status_code == 422
            told = (await client.get("models")).json()
            assert told["approved"] == {"growth": 1}
            assert told["versions"][0]["decided"]["who"] == "quentin"
            assert told["versions"][0]["decided"]["why"] == "looked at"


def _bare(path: Path) -> Path:
    bare = path.with_name("bare.yaml")
    bare.write_text(LINE.replace(", model: growth", ""))
    return bare


def test_parameters_that_were_changed_cut_short_or_lost_their_hash_are_not_proposed(
    book: ModelBook, tmp_path: Path
) -> None:
    text = parameters(tmp_path, 0.03).read_text()
    hash_line, rest = text.split("\n", 1)
    bad = tmp_path / "bad.yaml"
    for changed, said in (
        (text.replace("mu0: 0.03", "mu0: 0.05"), "do not fit their content_sha256"),
        (text.replace("cd" * 32, "ef" * 32), "do not fit their content_sha256"),
        (text[: text.index("runs:")], "cut short"),
        (text[: text.index("files:")], "cut short"),
        (f"{KEY}: 1\n{rest}", "do not fit"),
        (rest, "names training \\(runs, files\\) but has no content_sha256"),
    ):
        assert changed != text
        bad.write_text(changed)
        with pytest.raises(ConfigError, match=said):
            book._files.keep(bad)
    bad.write_text(hash_line + "\n# a remark\n" + rest)
    assert book._files.keep(bad)[1].rests_on, "what YAML does not read is no content"


def test_parameters_written_by_hand_are_proposed_and_shown_as_such(staffed: Path, tmp_path: Path) -> None:
    by_hand = {"process": {"kind": "cho_growth", "parameters": {"mu0": 0.04}}}
    path = tmp_path / "hand.yaml"
    path.write_text(yaml.safe_dump({**by_hand, "model_version": build({}).version}))
    twin("propose", staffed, "growth", path, *as_("emma", tmp_path))
    assert "no training runs: written by hand" in twin("show", staffed, "growth@1")
    twin("propose", staffed, "growth", "--process", "cho_growth", *as_("emma", tmp_path))
    assert "no training runs: the model's own parameters" in twin("show", staffed, "growth@2")
