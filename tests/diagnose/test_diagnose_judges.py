"""Voice, words and the whole line: real models, each broken in the way that sites break them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sered import config
from sered.diagnose.checks import emotion, recogniser, service_user
from sered.diagnose.model import Context, Mark, Result
from sered.words import fetch

pytestmark = pytest.mark.slow


Examine = Callable[..., dict[str, Result]]
Configured = Callable[..., Context]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A copy of the shipped network and its sidecar."""
    for suffix in (".tflite", ".json"):
        shutil.copy(config.models_dir() / f"emotion{suffix}", tmp_path)
    return tmp_path / "emotion.tflite"


@pytest.fixture
def voice(
    configured: Configured, examine: Examine, network: Path
) -> Callable[[], dict[str, Result]]:
    return lambda: examine("emotion", configured(f'[models]\nemotion = "{network}"'))


Look = Callable[[], dict[str, Result]]


def test_the_shipped_network_passes_and_its_speed_is_told(voice: Look) -> None:
    """Nothing is wrong with the network in the wheel, and its milliseconds are told."""
    results = voice()
    assert {result.mark for result in results.values()} == {Mark.OK}
    assert "ms a second of speech" in results["emotion.speed"].found


def test_a_missing_model_is_told_with_its_folder(voice: Look, network: Path) -> None:
    """A network that is not there fails with its folder; what needs it is skipped."""
    network.unlink()
    results = voice()
    result = results["emotion.there"]
    assert (result.mark, result.fault) == (Mark.FAIL, "no_model")
    assert str(network.parent) in result.hint
    assert results["emotion.speed"].found == "emotion.there failed"


def test_a_missing_sidecar_is_told(voice: Look, network: Path) -> None:
    """A network without its sidecar is a fault of its own."""
    network.with_suffix(".json").unlink()
    assert voice()["emotion.there"].fault == "no_sidecar"


@pytest.mark.parametrize("at", [0, 20, 5_000, -1])
def test_a_model_altered_by_one_byte_is_told_wherever_it_is(
    voice: Look, network: Path, at: int
) -> None:
    """Also where the byte makes the runtime crash when it loads the file."""
    content = bytearray(network.read_bytes())
    content[at] ^= 0xFF
    network.write_bytes(content)
    result = voice()["emotion.genuine"]
    assert (result.mark, result.fault) == (Mark.FAIL, "altered")
    assert "dying card" in result.hint


def test_a_sidecar_of_another_model_is_told(voice: Look, network: Path) -> None:
    """A sidecar whose checksum is another file's is told as such."""
    beside = network.with_suffix(".json")
    sidecar = json.loads(beside.read_text())
    sidecar["sha256"] = hashlib.sha256(b"another network").hexdigest()
    sidecar["input"]["scale"] *= 1.7
    beside.write_text(json.dumps(sidecar))
    result = voice()["emotion.genuine"]
    assert (result.mark, result.fault) == (Mark.FAIL, "other_model")
    assert "belongs to another model" in result.hint


def test_a_broken_sidecar_is_told(voice: Look, network: Path) -> None:
    """A sidecar that lacks its fields is told."""
    network.with_suffix(".json").write_text('{"schema": "sered.emotion/4"}')
    assert voice()["emotion.genuine"].fault == "bad_sidecar"


def test_a_network_that_computes_otherwise_is_told(voice: Look, network: Path) -> None:
    """As after an update of sered that computes other features: the tuning signal tells."""
    beside = network.with_suffix(".json")
    sidecar = json.loads(beside.read_text())
    sidecar["golden"]["statistics"][3] += 0.5
    beside.write_text(json.dumps(sidecar))
    result = voice()["emotion.loads"]
    assert (result.mark, result.fault) == (Mark.FAIL, "unfit")
    assert "belong together" in result.hint


def test_a_network_too_slow_for_all_lines_is_a_warning(configured: Configured) -> None:
    """The judgement alone: this machine is not slow."""
    lines = "".join(f'[[line]]\nname = "l{n}"\ncard = "card:C{n}"\n' for n in range(4))
    fast, slow = (configured(lines, facts={"emotion_rtf": rtf}) for rtf in (0.01, 0.08))
    assert emotion._speed(fast).fault is None
    assert emotion._speed(slow).fault == "slow"


@pytest.fixture
def vosk(tmp_path: Path) -> Path:
    """A copy of the small Vosk model under a name that sites would use."""
    return Path(shutil.copytree(config.models_dir() / "vosk-mini", tmp_path / "vosk-site"))


@pytest.fixture
def speech(
    configured: Configured, examine: Examine, vosk: Path
) -> Callable[..., dict[str, Result]]:
    def look(more: str = "") -> dict[str, Result]:
        return examine("words", configured(f'[models]\nvosk = "{vosk}"\n{more}'))

    return look


def test_a_whole_vosk_model_understands_the_known_sentence_and_tells_its_speed(
    speech: Look,
) -> None:
    """The recogniser's rate, its share of a known sentence and its speed are shown."""
    results = speech()
    assert {result.mark for result in results.values()} == {Mark.OK}
    assert results["words.there"].found.endswith("8 kHz")
    assert results["words.understands"].found == "100% of a known English sentence"
    assert "of real time a line" in results["words.speed"].found


def test_a_missing_vosk_folder_is_told_with_the_command_that_fetches_one(
    speech: Look, vosk: Path
) -> None:
    """A model folder that is not there fails with `sered models fetch`."""
    shutil.rmtree(vosk)
    results = speech()
    result = results["words.there"]
    assert (result.mark, result.fault) == (Mark.FAIL, "missing")
    assert "sered models fetch" in result.hint
    assert results["words.speed"].found == "words.there failed"


def test_an_incomplete_vosk_folder_is_told_with_what_is_missing(speech: Look, vosk: Path) -> None:
    """The file that a model lacks is named."""
    (vosk / "model/graph/HCLG.fst").unlink()
    result = speech()["words.there"]
    assert (result.mark, result.fault) == (Mark.FAIL, "incomplete")
    assert "graph/HCLG.fst" in result.found
    assert "sered models fetch" in result.hint


def test_a_fetched_model_with_a_file_changed_since_is_told(speech: Look, vosk: Path) -> None:
    """A file that no longer has its recorded checksum is named."""
    files = {
        str(path.relative_to(vosk)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vosk.rglob("*")
        if path.is_file()
    }
    (vosk / fetch.MANIFEST).write_text(json.dumps({"files": files}))
    assert speech()["words.there"].mark is Mark.OK
    with (vosk / "model/am/final.mdl").open("r+b") as model:
        model.seek(1000)
        model.write(b"\xff")
    result = speech()["words.there"]
    assert (result.mark, result.fault) == (Mark.FAIL, "damaged")
    assert "am/final.mdl" in result.found


def test_a_vosk_model_for_another_rate_is_told(speech: Look, vosk: Path) -> None:
    """A model for a rate that no telephone has is told with the rates that are wanted."""
    conf = vosk / "model/conf/mfcc.conf"
    conf.write_text(conf.read_text().replace("=8000", "=44100"))
    result = speech()["words.there"]
    assert (result.mark, result.fault) == (Mark.FAIL, "wrong_rate")
    assert "16 or 8 kHz" in result.hint


def test_a_vosk_model_that_cannot_be_loaded_fails_its_check_and_no_more(
    speech: Look, vosk: Path
) -> None:
    """Cut in half, Kaldi may throw or abort the process: the doctor outlives both."""
    graph = vosk / "model/graph/HCLG.fst"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])
    results = speech()
    assert results["words.understands"].fault in ("broken", "crashed")
    assert results["words.lexicon"].mark is Mark.SKIP


def test_a_model_that_understands_nothing_is_told(
    speech: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is given is noise: to a model of another language English is little more."""
    noise = np.random.default_rng(1).normal(0, 900, 48_000).astype(np.int16)
    monkeypatch.setattr(recogniser, "_sentence", lambda: noise)
    result = speech()["words.understands"]
    assert (result.mark, result.fault) == (Mark.WARN, "deaf")


def test_the_bundled_model_is_told_to_be_no_model_for_a_site(
    examine: Examine, configured: Configured
) -> None:
    """The mini model passes for tests and is a warning on a box."""
    result = examine("words", configured(), "words.there")["words.there"]
    assert (result.mark, result.fault) == (Mark.WARN, "mini")
    assert "sered models fetch" in result.hint


def test_a_recogniser_slower_than_the_lines_speak_is_told(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judgement alone, on a box of four cores."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    lines = "".join(f'[[line]]\nname = "l{n}"\ncard = "card:C{n}"\n' for n in range(8))
    facts = {"words_load_s": 1.0}
    assert recogniser._speed(configured(lines, facts=facts | {"words_rtf": 0.3})).fault is None
    assert recogniser._speed(configured(lines, facts=facts | {"words_rtf": 0.5})).fault == "slow"
    assert recogniser._speed(configured("", facts=facts | {"words_rtf": 0.9})).fault == "slow"


def test_a_missing_lexicon_is_told_with_its_path(
    examine: Examine, configured: Configured, tmp_path: Path
) -> None:
    """A lexicon that is not there fails with its path."""
    gone = tmp_path / "gone.tsv"
    result = examine("words", configured(f'[models]\nlexicon = "{gone}"'), "words.lexicon")[
        "words.lexicon"
    ]
    assert (result.mark, result.fault) == (Mark.FAIL, "missing")
    assert str(gone) in result.hint


def test_a_mistake_in_a_sites_own_phrases_is_told_with_its_line(
    examine: Examine, configured: Configured, tmp_path: Path
) -> None:
    """A line of a site's lexicon that cannot be read is told by its number."""
    own = tmp_path / "own.tsv"
    own.write_text("so slow\t-2\nrubbish without a number\n")
    result = examine("words", configured(f'[verdict]\nextra_lexicon = "{own}"'), "words.lexicon")[
        "words.lexicon"
    ]
    assert (result.mark, result.fault) == (Mark.FAIL, "line")
    assert "line 2" in result.found


def test_a_lexicon_that_takes_the_complaint_for_praise_is_told(
    examine: Examine, configured: Configured, tmp_path: Path
) -> None:
    """A site's lexicon that turns a known complaint into praise is called blind."""
    own = tmp_path / "own.tsv"
    own.write_text("nobody called me back\t4\ni have been waiting for three weeks\t4\n")
    result = examine("words", configured(f'[verdict]\nextra_lexicon = "{own}"'), "words.lexicon")[
        "words.lexicon"
    ]
    assert (result.mark, result.fault) == (Mark.FAIL, "blind")


def test_models_in_a_home_folder_are_told_because_the_service_cannot_see_them(
    examine: Examine, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root and the technician see them there; only the sandboxed service does not."""
    monkeypatch.setattr(service_user, "SERVICE_USER", "nobody")
    context = configured('[models]\nvosk = "/home/pi/vosk-small"\nemotion = "/root/emotion.tflite"')
    for group in ("words", "emotion"):
        result = examine(group, context)[f"{group}.there"]
        assert (result.mark, result.fault) == (Mark.FAIL, "at_home")
        assert "/var/lib/sered/models" in result.hint


@pytest.mark.parametrize(("mode", "group"), [("text", "emotion"), ("audio", "words")])
def test_what_the_mode_leaves_out_is_skipped_with_the_reason(
    examine: Examine, configured: Configured, mode: str, group: str
) -> None:
    """A judge that the mode does not ask for is skipped, with the mode as the reason."""
    results = examine(group, configured(f'mode = "{mode}"'))
    assert {result.mark for result in results.values()} == {Mark.SKIP}
    assert all(f'mode = "{mode}"' in result.found for result in results.values())


def test_the_bundled_call_comes_out_unhappy(examine: Examine, configured: Configured) -> None:
    """The demo call goes through the whole line and is judged negative."""
    result = examine("whole", configured())["whole.verdict"]
    assert result.mark is Mark.OK
    assert "negative, score -0" in result.found


def test_half_a_verdict_is_told(examine: Examine, configured: Configured, vosk: Path) -> None:
    """A box whose words are missing fails the whole line, though its voice judges."""
    shutil.rmtree(vosk)
    result = examine("whole", configured(f'[models]\nvosk = "{vosk}"'))["whole.verdict"]
    assert (result.mark, result.fault) == (Mark.FAIL, "half")
    assert "voice and words" in result.hint


def test_a_happy_verdict_on_the_unhappy_call_is_told(
    examine: Examine, configured: Configured, tmp_path: Path
) -> None:
    """A lexicon in which every complaint is praise, and the words alone judge."""
    lexicon = tmp_path / "call-lexicon.tsv"
    text = (config.models_dir() / "call-lexicon.tsv").read_text()
    lexicon.write_text(text.replace("\t-", "\t") + "terrible\t4\nupset\t4\nwaiting\t4\nback\t4\n")
    context = configured(f'mode = "text"\n[models]\nlexicon = "{lexicon}"\nsentences = "none"')
    result = examine("whole", context)["whole.verdict"]
    assert (result.mark, result.fault) == (Mark.FAIL, "other")
