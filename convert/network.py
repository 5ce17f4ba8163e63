"""The network: parallel feed-forward branches over utterance statistics, trained with Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sered.records import LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

NEGATIVE = np.array([label in {"angry", "disgust", "fear", "sad"} for label in LABELS])


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train; everything here is written into the sidecar."""

    hidden: tuple[int, ...] = (160, 80)
    input_dropout: float = 0.15
    dropout: float = 0.4
    epochs: int = 12
    batch: int = 256
    rate: float = 2e-3
    decay: float = 1e-3
    mix: float = 0.3
    """Mix-up's beta; 0 is none."""
    smoothing: float = 0.1
    side_task: float = 0.5
    """Weight of the negative / not negative head, which is dropped at conversion."""
    swap: float = 0.0
    """How far a clip's neutral voice is moved to another speaker's, at most."""
    branches: int = 1
    """Networks trained from different seeds and averaged into one."""
    seed: int = 0


def build(width: int, plan: Plan) -> Any:  # noqa: ANN401 - Keras is not typed
    """One branch: normalised statistics to logits and the side task."""
    import keras
    from keras import layers

    tensor = inputs = keras.Input((width,))
    tensor = layers.Dropout(plan.input_dropout)(tensor)
    for units in plan.hidden:
        tensor = layers.Dense(units)(tensor)
        tensor = layers.BatchNormalization()(tensor)
        tensor = layers.ReLU()(tensor)
        tensor = layers.Dropout(plan.dropout)(tensor)
    logits = layers.Dense(len(LABELS), name="emotion")(tensor)
    return keras.Model(inputs, [logits, layers.Dense(1, name="negative")(tensor)])


def weights(speakers: NDArray[np.str_], labels: NDArray[np.int64]) -> Floats:
    """Clip weights: each label counts the same, and many clips of one voice count less each."""
    pairs = np.char.add(speakers.astype(str), labels.astype(str))
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    weight = counts[which] ** -0.5
    weight = weight / np.bincount(labels, weight, len(LABELS))[labels]
    return (weight / weight.mean()).astype(np.float32)


def train(
    copies: list[Floats],
    speakers: NDArray[np.str_],
    labels: NDArray[np.int64],
    plan: Plan,
    seed: int,
    history: list[dict[str, float]] | None = None,
    watch: tuple[Floats, NDArray[np.int64]] | None = None,
) -> Any:  # noqa: ANN401
    """One trained branch; `copies` are the same clips, normalised, heard down different lines.

    With `history` the losses of every epoch are appended to it, and with `watch` (statistics and
    labels of speakers that are not trained on) their accuracy: for drawing, never for choosing.
    """
    import keras

    keras.utils.set_random_seed(seed)
    batches = _batches(copies, speakers, labels, plan, seed)
    model = build(copies[0].shape[1], plan)
    steps = plan.epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        plan.rate / 25, steps - steps // 7, 1e-6, warmup_target=plan.rate, warmup_steps=steps // 7
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=plan.decay),
        [
            keras.losses.CategoricalCrossentropy(from_logits=True),
            keras.losses.BinaryCrossentropy(from_logits=True),
        ],
        loss_weights=[1.0, plan.side_task],
    )
    for _ in range(plan.epochs):
        fitted = model.fit(batches, verbose=0, shuffle=False)
        if history is not None:
            row = {"loss": float(fitted.history["loss"][0])}
            for name, (rows, truth) in (("train", (copies[0], labels)), ("unseen", watch or (None, None))):
                if rows is not None:
                    found = model.predict(rows, batch_size=4096, verbose=0)[0].argmax(axis=1)
                    row[name] = float(np.mean(found == truth))
            history.append(row)
    return model


def _batches(
    copies: list[Floats],
    speakers: NDArray[np.str_],
    labels: NDArray[np.int64],
    plan: Plan,
    seed: int,
) -> Any:  # noqa: ANN401
    import keras

    rng = np.random.default_rng(seed)
    rows, truth = np.concatenate(copies), np.tile(labels, len(copies))
    heavy = np.tile(weights(speakers, labels), len(copies))
    soft = np.eye(len(LABELS), dtype=np.float32) * (1 - plan.smoothing) + plan.smoothing / len(LABELS)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        """Mixed batches in a new order every epoch."""

        def __init__(self) -> None:
            super().__init__(workers=1, use_multiprocessing=False)
            self._order = rng.permutation(len(rows))

        def __len__(self) -> int:
            return len(rows) // plan.batch

        def on_epoch_end(self) -> None:
            self._order = rng.permutation(len(rows))

        def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
            mine = self._order[index * plan.batch : (index + 1) * plan.batch]
            row, target, weight = rows[mine], soft[truth[mine]], heavy[mine]
            if plan.mix:
                part = rng.beta(plan.mix, plan.mix, len(mine)).astype(np.float32)
                part = np.maximum(part, 1 - part)
                other = rng.permutation(len(mine))
                row = part[:, None] * row + (1 - part[:, None]) * row[other]
                target = part[:, None] * target + (1 - part[:, None]) * target[other]
                weight = part * weight + (1 - part) * weight[other]
            negative = target[:, NEGATIVE].sum(axis=1, keepdims=True)
            return row, (target, negative), (weight, weight)

    return Batches()


def join(branches: list[Any]) -> Any:  # noqa: ANN401
    """One model of several branches: the mean of their logits; the side tasks are dropped."""
    import keras

    inputs = keras.Input(branches[0].input_shape[1:])
    heads = []
    for number, branch in enumerate(branches):
        tensor = inputs
        for layer in branch.layers[1:]:
            if layer.name == "negative":
                continue
            config = layer.get_config() | {"name": f"branch{number}_{layer.name}"}
            copy = type(layer).from_config(config)
            tensor = copy(tensor)
            copy.set_weights(layer.get_weights())
        heads.append(tensor)
    whole = keras.layers.Average()(heads) if len(heads) > 1 else heads[0]
    return keras.Model(inputs, whole)
