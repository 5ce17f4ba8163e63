"""A trained feed-forward Keras model to an int8 TFLite file and its sidecar, or a clear refusal."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import tempfile
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.parity import Parity, apart, compare

from sered.errors import ModelError
from sered.interpreter import load_interpreter
from sered.records import LABELS
from sered.voice.emotion import tuning_signal
from sered.voice.recipe import Recipe
from sered.voice.sidecar import (
    SCHEMA,
    Golden,
    Normalisation,
    Odds,
    Sidecar,
    Tensor,
    normalise,
    probabilities,
    quantise,
)
from sered.voice.statistics import names, statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LAYERS = frozenset({
    "InputLayer", "Dense", "Dropout", "BatchNormalization", "Activation", "ReLU", "Add", "Average",
    "Concatenate", "GaussianNoise", "Rescaling", "LayerNormalization", "Functional", "Sequential",
})  # fmt: skip
"""What int8 TFLite runs well and a feed-forward network needs."""
SMALLEST_CALIBRATION = 50
"""Rows; fewer say too little of the ranges."""


def check_plan(plan: Mapping[str, Any]) -> tuple[Recipe, Normalisation]:
    """The recipe and normalisation of an unfinished sidecar; ModelError with what is missing."""
    missing = [key for key in ("labels", "recipe", "normalisation") if not plan.get(key)]
    if missing:
        raise ModelError(
            f"wanted labels, recipe and normalisation in the model's sidecar; found no "
            f"{' and no '.join(missing)}: say how the model's features were made"
        )
    if tuple(plan["labels"]) != LABELS:
        raise ModelError(f"wanted the labels {', '.join(LABELS)}; found {plan['labels']}")
    recipe, normalisation = Recipe.from_dict(plan["recipe"]), Normalisation(**plan["normalisation"])
    values = np.array([normalisation.mean, normalisation.deviation])
    if (
        values.shape[1] != len(names(recipe))
        or not np.isfinite(values).all()
        or values[1].min() <= 0
    ):
        raise ModelError(
            f"wanted {len(names(recipe))} finite means and positive deviations; found "
            f"{values.shape[1]}, smallest deviation {values[1].min():g}"
        )
    return recipe, normalisation


def check_model(model: Any, width: int) -> None:
    """ModelError unless `model` is a feed-forward network from `width` statistics to the labels."""
    shapes = [tuple(model.input_shape), tuple(model.output_shape)]
    if shapes != [(None, width), (None, len(LABELS))]:
        raise ModelError(
            f"wanted a model from {width} statistics to {len(LABELS)} labels; "
            f"found {shapes[0]} to {shapes[1]}: train it on the recipe of its sidecar"
        )
    kinds = {type(layer).__name__ for layer in model._flatten_layers()}
    if kinds - LAYERS:
        raise ModelError(
            f"wanted feed-forward layers only; found {', '.join(sorted(kinds - LAYERS))}: "
            f"use {', '.join(sorted(LAYERS))}"
        )
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise ModelError(f"wanted finite weights; found NaN or infinity in {weight.path}")


def check_rows(rows: Floats, width: int, what: str) -> None:
    """ModelError unless `rows` are features of many different clips."""
    if rows.ndim != 2 or rows.shape[1] != width or len(rows) < SMALLEST_CALIBRATION:
        raise ModelError(
            f"wanted {what} of at least {SMALLEST_CALIBRATION} rows of {width}; found {rows.shape}"
        )
    if not np.isfinite(rows).all():
        raise ModelError(f"wanted finite numbers in {what}; found NaN or infinity")
    if np.all(rows == rows[0]):
        raise ModelError(f"wanted {what} of different clips; found one and the same row")


def without_softmax(model: Any) -> Any:
    """The model up to its logits: the device cools and normalises them itself."""
    import keras

    last = model.layers[-1]
    if getattr(last, "activation", None) is keras.activations.softmax:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        copy.layers[-1].activation = keras.activations.linear
        return copy
    return model


def _int8(model: Any, calibration: Floats, limit: float) -> bytes:
    import tensorflow as tf

    # both ends of the range, so that the int8 steps are the limit's and not the sample's
    ends = np.full((2, calibration.shape[1]), limit, np.float32) * [[1], [-1]]
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter.representative_dataset = lambda: (
        [row[None].astype(np.float32)] for row in [*calibration, *_reach(ends, calibration)]
    )
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")
        return bytes(converter.convert())


def _reach(ends: NDArray[Any], calibration: Floats) -> Floats:
    """Ordinary rows, one number of each at an end: the inner layers see nothing out of the way."""
    rows = calibration[:2].copy()
    rows[:, 0] = ends[:, 0]
    return rows


def convert(
    model: Any,
    plan: Mapping[str, Any],
    calibration: Floats,
    unseen: Floats,
    target: Path,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    gate: bool = True,
) -> Parity:
    """Write `target` and its sidecar, or raise ModelError and leave what was there.

    `plan` is the sidecar so far: labels, recipe, normalisation and what else is known (odds,
    training, figures). `calibration` and `unseen` are raw statistics, (clips, width); `labels` are
    those of `unseen`. Without `gate` a poor parity is returned and not refused.
    """
    recipe, normalisation = check_plan(plan)
    width = len(names(recipe))
    check_model(model, width)
    check_rows(calibration, width, "a calibration set")
    check_rows(unseen, width, "a set of unseen clips")
    model = without_softmax(model)
    content = _int8(model, normalise(calibration, normalisation), normalisation.limit)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".converting-") as folder:
        file = Path(folder) / target.name
        file.write_bytes(content)
        sidecar = _sidecar(file, plan, normalisation, recipe)
        file.with_suffix(".json").write_text(
            json.dumps(sidecar.model_dump(by_alias=True), indent=1) + "\n", encoding="utf-8"
        )
        parity = compare(model, file, normalise(unseen, normalisation), labels)
        if gate and (faults := parity.faults()):
            raise ModelError(f"the int8 network is not the float one: {'; '.join(faults)}")
        file.with_suffix(".json").replace(target.with_suffix(".json"))
        file.replace(target)
    return parity


def _sidecar(
    file: Path, plan: Mapping[str, Any], normalisation: Normalisation, recipe: Recipe
) -> Sidecar:
    tuned = statistics(tuning_signal(), recipe)
    assert tuned is not None
    golden = normalise(tuned, normalisation)
    numbers, logits = apart(_as_tensors, file, golden)
    odds = Odds.model_validate(plan.get("odds", Odds()))
    return Sidecar(
        schema_=SCHEMA,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        labels=LABELS,
        recipe=recipe.to_dict(),
        normalisation=normalisation,
        input=numbers[0],
        output=numbers[1],
        odds=odds,
        terms=str(plan.get("terms", "")),
        golden=Golden(
            statistics=tuple(round(float(value), 6) for value in golden),
            probabilities=tuple(float(p) for p in probabilities(logits, odds)),
        ),
        training=dict(plan.get("training", {})),
        figures=dict(plan.get("figures", {})),
    )


def _as_tensors(file: Path, golden: Floats) -> tuple[list[Tensor], Floats]:
    """The numbers of input and output, and the logits of one normalised row."""
    interpreter = load_interpreter(file)
    ends = (interpreter.get_input_details()[0], interpreter.get_output_details()[0])
    numbers = []
    for details in ends:
        scale, zero_point = details["quantization"]
        numbers.append(Tensor(scale=float(scale), zero_point=int(zero_point)))
    interpreter.set_tensor(ends[0]["index"], quantise(golden, numbers[0])[None])
    interpreter.invoke()
    out = interpreter.get_tensor(ends[1]["index"])[0].astype(np.float32)
    return numbers, (out - numbers[1].zero_point) * numbers[1].scale


def main() -> None:
    """Convert a .keras file with a sidecar of its own beside it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help=".keras file; its sidecar is the .json beside it")
    parser.add_argument("calibration", type=Path, help=".npy of raw statistics, a row a clip")
    parser.add_argument("unseen", type=Path, help=".npy of clips that were not trained on")
    parser.add_argument("--labels", type=Path, help=".npy of the unseen clips' label numbers")
    parser.add_argument("--out", type=Path, default=Path("emotion.tflite"))
    args = parser.parse_args()
    import keras

    try:
        plan = json.loads(args.model.with_suffix(".json").read_text(encoding="utf-8"))
        labels = None if args.labels is None else np.load(args.labels)
        parity = convert(
            keras.models.load_model(args.model, compile=False), plan,
            np.load(args.calibration), np.load(args.unseen), args.out,
            labels=labels,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise SystemExit(f"Not converted: {error}") from error
    print(f"{args.out}: {asdict(parity)}")


if __name__ == "__main__":
    main()
