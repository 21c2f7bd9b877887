"""The deployed form holds its own rules: pinned, watched, without secrets, closed to the network."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from twin import __version__
from twin.service.build import load_line

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
VERSIONED = re.compile(r"^[a-z0-9./-]+:\d+\.\d+\.\d+(-[a-z0-9.-]+)?$")
each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_S_17_images_are_pinned_to_an_exact_version(name: str) -> None:
    assert VERSIONED.match(SERVICES[name]["image"])


def test_the_services_own_image_carries_its_version() -> None:
    assert SERVICES["bioline"]["image"] == f"bioline-twin:{__version__}"


@each_service
def test_every_service_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


@each_service
def test_ports_are_bound_to_this_machine_unless_someone_says_otherwise(name: str) -> None:
    assert SERVICES[name]["ports"]
    assert all(port.startswith("${BIOLINE_BIND:-127.0.0.1}:") for port in SERVICES[name]["ports"])


@each_service
def test_S_16_no_secret_is_written_down(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|TOKEN|SECRET", key):
            assert key.endswith("_FILE")
            assert value.startswith("/run/secrets/")


@each_service
def test_secrets_are_files_that_the_readme_explains(name: str) -> None:
    readme = (ROOT / "deploy/secrets/README.md").read_text(encoding="utf-8")
    for secret in SERVICES[name]["secrets"]:
        assert COMPOSE["secrets"][secret] == {"file": f"./deploy/secrets/{secret}"}
        assert f"`{secret}`" in readme


def test_secrets_can_not_be_committed() -> None:
    ignored = (ROOT / "deploy/secrets/.gitignore").read_text(encoding="utf-8").split()
    assert ignored == ["*", "!README.md", "!.gitignore"]


@each_service
def test_every_mounted_file_and_volume_exists(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source = re.sub(r"^\$\{.*?\}", "./deploy/line.yaml", volume).split(":")[0]
        assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source


@each_service
def test_services_wait_for_healthy_ones_that_exist(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert other in SERVICES


def test_required_variables_are_refused_when_unset_with_a_remedy() -> None:
    text = re.sub("(?m)^ *#.*$", "", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    variables = re.findall(r"\$\{([A-Z_]+)(:?[-?]?)([^}]*)\}", text)
    assert {name for name, sign, _ in variables if sign == ":?"} == {"BIOLINE_LINE", "BIOLINE_ORG"}
    assert all(sign in (":?", ":-") and words for _, sign, words in variables)


def test_only_grafana_is_optional() -> None:
    assert [name for name in SERVICES if "profiles" in SERVICES[name]] == ["grafana"]


def test_the_service_runs_without_rights() -> None:
    service = SERVICES["bioline"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.search(r"(?m)^USER 10001:10001$", DOCKERFILE)
    assert DOCKERFILE.index("USER 10001") > DOCKERFILE.rindex("FROM ")


def test_the_image_is_built_from_pinned_images_and_files_that_exist() -> None:
    images = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    assert all(VERSIONED.match(image) for image in images)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split("\n") if line.startswith("!")}
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", DOCKERFILE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert source.split("/")[0] in allowed


def test_both_ask_the_same_question_whether_the_service_lives() -> None:
    (command,) = re.findall(r"(?m)^    CMD \[(.+)\]$", DOCKERFILE)
    assert [part.strip('"') for part in command.split(", ", 2)] == SERVICES["bioline"]["healthcheck"]["test"][
        1:
    ]


def test_the_line_file_is_usable_and_fits_the_services() -> None:
    line_file, line = load_line(ROOT / "deploy/line.yaml")
    assert [vessel.id for vessel in line.vessels] == ["R101", "R102"]
    historian = line_file.historian
    assert historian["url"] == "http://influxdb:8086"
    assert historian["database"] == SERVICES["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    sections = (historian, *line_file.sources)
    wanted = {path for section in sections for key, path in section.items() if key.endswith("_file")}
    mounted = {f"/run/secrets/{secret}" for secret in SERVICES["bioline"]["secrets"]}
    assert wanted <= mounted
    assert {section["host"] for section in line_file.sources if "host" in section} == {"mosquitto"}
