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

    hidden: tuple[int, ...] = (128, 64)
    input_dropout: float = 0.15
    dropout: float = 0.4
    noise: float = 0.35
    """Deviations of Gaussian noise on every statistic: no single one is to be trusted."""
    epochs: int = 10
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-3
    mix: float = 0.3
    """Mix-up's beta; 0 is none."""
    smoothing: float = 0.1
    side_task: float = 0.5
    """Weight of the negative / not negative head, which is dropped at conversion."""
    branches: int = 3
    """Networks trained from different seeds and averaged into one."""
    seed: int = 0


def build(width: int, plan: Plan) -> Any:
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
    return np.asarray(weight / weight.mean(), np.float32)


def train(
    rows: Floats,
    speakers: NDArray[np.str_],
    labels: NDArray[np.int64],
    plan: Plan,
    seed: int,
    *,
    history: list[dict[str, float]] | None = None,
    watch: tuple[Floats, NDArray[np.int64]] | None = None,
) -> Any:
    """One trained branch; `rows` are normalised statistics, a clip as often as it was heard.

    With `history` the losses of every epoch are appended to it, and with `watch` (statistics and
    labels of speakers that are not trained on) their accuracy: for drawing, never for choosing.
    """
    import keras

    keras.utils.set_random_seed(seed)
    batches = _batches(rows, speakers, labels, plan, seed)
    model = build(rows.shape[1], plan)
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
        if history is not None and watch is not None:
            seen, unseen = (
                float(
                    np.mean(
                        model.predict(heard, batch_size=4096, verbose=0)[0].argmax(axis=1) == truth
                    )
                )
                for heard, truth in ((rows, labels), watch)
            )
            history.append(
                {"loss": float(fitted.history["loss"][0]), "train": seen, "unseen": unseen}
            )
    return model


def _batches(
    rows: Floats,
    speakers: NDArray[np.str_],
    labels: NDArray[np.int64],
    plan: Plan,
    seed: int,
) -> Any:
    import keras

    rng = np.random.default_rng(seed)
    heavy = weights(speakers, labels)
    soft = np.eye(len(LABELS), dtype=np.float32) * (1 - plan.smoothing) + plan.smoothing / len(
        LABELS
    )

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
            row, target, weight = rows[mine], soft[labels[mine]], heavy[mine]
            if plan.mix:
                part = rng.beta(plan.mix, plan.mix, len(mine)).astype(np.float32)
                part = np.maximum(part, 1 - part)
                other = rng.permutation(len(mine))
                row = part[:, None] * row + (1 - part[:, None]) * row[other]
                target = part[:, None] * target + (1 - part[:, None]) * target[other]
                weight = part * weight + (1 - part) * weight[other]
            if plan.noise:
                row = row + plan.noise * rng.standard_normal(row.shape, np.float32)
            negative = target[:, NEGATIVE].sum(axis=1, keepdims=True)
            return row, (target, negative), (weight, weight)

    return Batches()


def join(branches: list[Any]) -> Any:
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
