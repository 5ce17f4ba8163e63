"""`make words-model`: labelled sentences to the sentence network beside the lexicon.

Seeded; minutes on one core. It is trained twice: once without the sources that it is judged by, to
see what it makes of people it has not met, and once with all, to be shipped.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.known_words import nameable, read, static_vectors, vocabulary
from convert.mishear import Mishearer, confusions, pronunciations
from convert.sentence_fit import calibrate, figures, golden
from convert.sentence_gate import Gate, agreement, inputs
from convert.sentence_rows import ROOT, Row, learnt, own_aside

from convert import encoder
from sered.errors import SeredError
from sered.interpreter import load_interpreter
from sered.words.network import MAY_BE_NAMED, Filters, SentenceSidecar
from sered.words.sentence_model import PAD, UNKNOWN, SentenceModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int32]
    Floats = NDArray[np.float32]

TARGET = ROOT / "models" / "sentence.tflite"
SEED = 7
UNMET = ("reviews", "tweets")
"""Sources that the first of both networks does not learn from."""
SIZE, LEARNT_SIZE = 32, 24
"""Units of a sentence that are read at once, in the box and in training."""
STATIC, OWN = 64, 16
"""Width of what is made of the encoder's vectors, of those learnt here beside them."""
FILTERS = 96
"""Of each width: one, two and three units."""
EPOCHS, BATCH, RATE = 4, 128, 2e-3
WRONG = (0.0, 0.35)
"""Share of words heard wrongly, in every other sentence: one in four words is, on the phone."""
GATE = Gate(
    most_bytes=3_000_000,
    least_auc={
        "goemotions, never learnt from": 0.835,
        "reviews": 0.80,
        "tweets": 0.92,
        "own, of many kinds": 0.88,
        "own, of five fields": 0.85,
    },
    most_false_alarms={"goemotions, never learnt from": 0.095, "reviews": 0.06, "tweets": 0.045},
    least_f1={"own, kept aside": 0.76, "own, written last": 0.78},
    least_agreement=0.955,
)
"""Held against the network that has not learnt from the reviews and tweets."""


def network(vectors: Floats) -> Any:
    """The network that is trained: the encoder's vectors are fixed, what is made of them is not."""
    import keras

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    ids = keras.Input((LEARNT_SIZE,), dtype="int32")
    table = np.concatenate([np.zeros((UNKNOWN + 1, vectors.shape[1]), np.float32), vectors])
    wide = layers.Embedding(*table.shape, trainable=False, name="encoder")
    static = layers.Dense(STATIC, use_bias=False, name="narrow")(wide(ids))
    wide.set_weights([table])
    own = layers.Embedding(
        len(table), OWN, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name="own",
    )(ids)  # fmt: skip
    x = layers.Dropout(0.15)(layers.Concatenate()([static, own]))
    spans = [
        layers.Conv1D(FILTERS, width, padding="same", activation="relu", name=f"over{width}")(x)
        for width in (1, 2, 3)
    ]
    strongest = layers.GlobalMaxPooling1D()(layers.Concatenate()(spans))
    mood = layers.Dense(3, name="head")(layers.Dropout(0.4)(strongest))
    return keras.Model(ids, mood)


def filters_of(whole: Any) -> Any:
    """What goes into the box: one table of narrow vectors, and the filters over them."""
    import keras

    wide, narrow = (whole.get_layer(name).get_weights()[0] for name in ("encoder", "narrow"))
    table = np.concatenate([wide @ narrow, whole.get_layer("own").get_weights()[0]], axis=1)
    ids = keras.Input((SIZE,), dtype="int32")
    vectors = keras.layers.Embedding(*table.shape)
    x = vectors(ids)
    vectors.set_weights([table])
    spans = []
    for width in (1, 2, 3):
        learnt = whole.get_layer(f"over{width}")
        copy = keras.layers.Conv1D(FILTERS, width, padding="same", activation="relu")
        spans.append(copy(x))
        copy.set_weights(learnt.get_weights())
    return keras.Model(ids, keras.layers.Concatenate()(spans))


def numbers(rows: Sequence[Sequence[str]], known: dict[str, int], size: int = SIZE) -> Ids:
    """What the network is given of read sentences, (sentences, size)."""
    out = np.full((len(rows), size), PAD, np.int32)
    for row, names in enumerate(rows):
        ids = [known.get(n) or known.get(n.replace("'", "")) or UNKNOWN for n in names[:size]]
        out[row, : len(ids)] = ids
    return out


def train(rows: list[Row], words: Sequence[str]) -> Any:
    """Fit on sentences heard anew, with other mistakes, in every epoch."""
    import keras

    luck = random.Random(SEED)  # noqa: S311 - a seeded simulation, no secret
    known = {word: number for number, word in enumerate(words, UNKNOWN + 1)}
    sounds = pronunciations()
    mishear = Mishearer([row.text for row in rows], sounds, confusions(sounds))
    whole = network(static_vectors(words))
    steps = EPOCHS * (len(rows) // BATCH)
    whole.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.PolynomialDecay(RATE, steps), weight_decay=0.02
        ),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05),
        # XLA's convolutions are slow on a processor
        jit_compile=False,
    )
    for epoch in range(EPOCHS):
        luck.shuffle(rows)
        heard = [
            mishear(row.text, luck.uniform(*WRONG), luck) if luck.random() < 0.5 else row.text
            for row in rows
        ]
        x = numbers([read(text) for text in heard], known, LEARNT_SIZE)
        y = np.eye(3, dtype=np.float32)[[row.mood for row in rows]]
        loss = whole.fit(x, y, BATCH, shuffle=False, verbose=0).history["loss"][0]
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss:.3f}", flush=True)
    return whole


def convert(part: Any, calibration: Ids) -> bytes:
    """Int8 TFLite of the filters."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(part)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_output_type = tf.int8
    converter.representative_dataset = lambda: ([row[None]] for row in calibration)
    with redirect_stdout(io.StringIO()):
        return bytes(converter.convert())


def write(
    content: bytes, whole: Any, words: Sequence[str], target: Path, training: dict[str, Any]
) -> SentenceSidecar:
    """Network, words and a sidecar whose lexicon and thresholds are still to be fitted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    named = nameable()
    listed = [word + MAY_BE_NAMED if word in named else word for word in words]
    target.with_suffix(".words").write_text("\n".join(listed) + "\n", "utf-8")
    scale, zero_point = load_interpreter(target).get_output_details()[0]["quantization"]
    head, base = whole.get_layer("head").get_weights()
    sidecar = SentenceSidecar(
        schema_="sered.sentence/1",
        kind="filters",
        sha256=hashlib.sha256(content).hexdigest(),
        words_sha256=hashlib.sha256(target.with_suffix(".words").read_bytes()).hexdigest(),
        language="en",
        size=SIZE,
        filters=Filters(
            widths=tuple(width for width in (1, 2, 3) for _ in range(FILTERS)),
            scale=float(scale),
            zero_point=int(zero_point),
            head=tuple(tuple(round(float(w), 5) for w in row) for row in head),
        ),
        base=tuple(round(float(b), 5) for b in base),
        lexicon=((0.0, 0.0, 0.0),) * 3,
        thresholds=(0.4, 0.4),
        golden={},
        training=training,
    )
    save(sidecar, target)
    return sidecar


def save(sidecar: SentenceSidecar, target: Path) -> None:
    """The .json beside the network."""
    text = json.dumps(sidecar.model_dump(by_alias=True), indent=1)
    target.with_suffix(".json").write_text(text + "\n", "utf-8")


def make(target: Path, without: Sequence[str]) -> SentenceSidecar:
    """Train, convert, fit and judge a network in the folder of `target`."""
    rows = learnt(without)
    words = vocabulary(rows)
    counts = Counter(row.source for row in {row.text: row for row in rows}.values())
    print(f"{dict(counts)} sentences, {len(words)} words", flush=True)
    whole = train(rows, words)
    known = {word: number for number, word in enumerate(words, UNKNOWN + 1)}
    luck = random.Random(SEED)  # noqa: S311 - a seeded simulation, no secret
    some = luck.sample(rows, 500)
    content = convert(filters_of(whole), numbers([read(row.text) for row in some], known))
    training = {
        "seed": SEED,
        "epochs": EPOCHS,
        "sentences": dict(counts),
        "encoder": f"{encoder.NAME} ({encoder.LICENCE})",
        "sources": "GoEmotions (CC BY 4.0), VADER's rated reviews and tweets (MIT), our own",
        "inputs": inputs(),
    }
    sidecar = write(content, whole, words, target, training)
    aside = own_aside()
    large = whole.predict(numbers([read(row.text) for row in aside], known, LEARNT_SIZE), verbose=0)
    same = agreement(large.argmax(1), aside, SentenceModel(target))
    print(f"{same:.1%} of moods as before it was made small", flush=True)
    sidecar = sidecar.model_copy(update=calibrate(SentenceModel(target)))
    save(sidecar, target)
    model = SentenceModel(target)
    found = figures(model)
    if without:
        GATE.hold(target.stat().st_size, same, found)
    sidecar = sidecar.model_copy(update={"golden": golden(model), "figures": found})
    save(sidecar, target)
    return sidecar


def make_twice(
    make_it: Callable[[Path, Sequence[str]], SentenceSidecar], target: Path
) -> SentenceSidecar:
    """Make a network without what it is judged by, for its figures, then with all; write the latter
    beside `target`.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / target.name
        unmet = make_it(place, UNMET).figures
        sidecar = make_it(place, ())
        sidecar = sidecar.model_copy(update={"figures": {"met": sidecar.figures, "unmet": unmet}})
        save(sidecar, place)
        for suffix in (".tflite", ".words", ".json"):
            target.with_suffix(suffix).write_bytes(place.with_suffix(suffix).read_bytes())
    return sidecar


def main() -> None:
    """Train without what is judged by, for its figures, then with all; write models/sentence.*."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    sidecar = make_twice(make, args.target)
    print(json.dumps(sidecar.figures, indent=1))


if __name__ == "__main__":
    try:
        main()
    except SeredError as error:
        raise SystemExit(f"No network: {error}") from error
