"""Both languages say everything the pages ask for."""

import json
import re
from pathlib import Path

import pytest

from dashboards import pages
from twin.domain.whatif import BASE_NAMES

SOURCE = Path(pages.__file__).parent / "web" / "src"
TEXTS = {each: json.loads((SOURCE / "text" / f"{each}.json").read_text("utf-8")) for each in ("en", "fr")}
PLACE = re.compile(r"\{(\w+)\}")


def used() -> set[str]:
    """Keys written out in the source."""
    code = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.ts*"))
    return set(re.findall(r"\bt\(\s*\"([\w.]+)\"", code))


def test_HMI_08_the_catalogues_have_the_same_keys():
    assert TEXTS["en"].keys() == TEXTS["fr"].keys()


@pytest.mark.parametrize("key", TEXTS["en"])
def test_HMI_08_a_text_has_the_same_places_in_both_languages(key):
    english, french = TEXTS["en"][key], TEXTS["fr"][key]
    assert english.strip()
    assert french.strip()
    assert set(PLACE.findall(english)) == set(PLACE.findall(french))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_the_run_as_it_is_is_called_is_no_name_of_a_scenario(language):
    assert TEXTS[language]["whatif.base"].lower() in BASE_NAMES


def test_every_key_in_the_source_exists():
    found = used()
    assert len(found) > 50
    assert found <= TEXTS["en"].keys()


def test_S_17_the_lock_file_names_no_host_to_load_from():
    lock = json.loads((SOURCE.parent / "package-lock.json").read_text("utf-8"))
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name
