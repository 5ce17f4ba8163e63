"""The network: some branches that hear the same voices differently, and the mean of their word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from convert.corpora import COARSE, ORDINARY, SHELVES

from sered.records import AGITATED, LABELS, NEGATIVE

if TYPE_CHECKING:
    from convert.corpora import Clip
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SIDES = np.array([[label in side for label in LABELS] for side in (NEGATIVE, AGITATED)], np.float32)
"""What the branches learn besides: whether a voice is negative, and whether it is agitated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train; everything here is written into the sidecar."""

    branches: int = 3
    hidden: tuple[int, ...] = (192, 64)
    """Units of each branch's hidden layers."""
    dropout: float = 0.4
    input_dropout: float = 0.15
    noise: float = 0.35
    """Deviations of Gaussian noise on every statistic: no single one is to be trusted."""
    epochs: int = 10
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-3
    mix: float = 1.0
    """Mix-up's beta: 1 is any mixture of two clips as likely as another."""
    smoothing: float = 0.1
    side_task: float = 0.5
    """Weight of each of SIDES beside the seven."""
    crowd: float = 0.5
    """How far what listeners heard in a voice counts, and not what its actor meant."""
    ordinary: float = 1.5
    """Weight of plain unlabelled speech, of a label's."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What is trained on: a clip as often as it was heard."""

    rows: Floats
    """Normalised statistics, (heard, width)."""
    targets: Floats
    """How far each is one of the seven, (heard, 7)."""
    shelves: NDArray[np.int64]
    """Indices into SHELVES."""
    corpora: NDArray[np.str_]
    speakers: NDArray[np.str_]


def target(clip: Clip, crowd: float) -> Floats:
    """How far a clip is one of the seven, summing to 1: its label, and what listeners heard."""
    named = COARSE.get(clip.label) or {clip.label: 1.0}
    shares = np.array([named.get(label, 0.0) for label in LABELS], np.float32)
    if not clip.heard:
        return shares
    voted = np.array([label in clip.heard for label in LABELS], np.float32)
    return np.asarray((1 - crowd) * shares + crowd * voted / len(clip.heard), np.float32)


def weights(heard: Heard, ordinary: float) -> Floats:
    """Clip weights: in every corpus each label counts the same, so that which corpus it is says
    nothing; many clips of one voice count less each.
    """
    pairs = np.char.add(heard.speakers.astype(str), heard.shelves.astype(str))
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    weight = counts[which] ** -0.5
    _, corpus = np.unique(heard.corpora, return_inverse=True)
    shelf = corpus * len(SHELVES) + heard.shelves
    due = np.asarray(np.bincount(corpus, weight), float)[corpus]
    weight = weight * due / np.bincount(shelf, weight)[shelf]
    plain = heard.shelves == SHELVES.index(ORDINARY)
    if plain.any() and not plain.all():
        # as much as so many labels more would
        share = ordinary * weight[~plain].sum() / (len(LABELS) + 1)
        weight[plain] *= share / weight[plain].sum()
    return np.asarray(weight / weight.mean(), np.float32)


def _branch(inputs: Any, plan: Plan) -> tuple[Any, Any]:
    """The seven logits, and those of SIDES, of one branch."""
    from keras import layers

    tensor = layers.GaussianNoise(plan.noise)(inputs)
    tensor = layers.Dropout(plan.input_dropout)(tensor)
    for units in plan.hidden:
        tensor = _dense(units)(tensor)
        tensor = layers.BatchNormalization()(tensor)
        tensor = layers.ReLU()(tensor)
        tensor = layers.Dropout(plan.dropout)(tensor)
    return _dense(len(LABELS))(tensor), _dense(len(SIDES))(tensor)


def _dense(units: int) -> Any:
    """A layer whose weights start small: half of what Keras gives tells new voices apart better."""
    import keras

    small = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return keras.layers.Dense(units, kernel_initializer=small)


def train(
    heard: Heard,
    plan: Plan,
    *,
    history: list[dict[str, float]] | None = None,
    watch: tuple[Floats, NDArray[np.int64]] | None = None,
) -> Any:
    """All branches at once, each from the labels on its own; returns statistics to mean logits.

    With `history` the losses of every epoch are appended to it, and with `watch` (statistics and
    labels of speakers that are not trained on) the accuracy: for drawing, never for choosing.
    """
    import keras

    keras.utils.set_random_seed(plan.seed)
    inputs = keras.Input((heard.rows.shape[1],))
    branches = [_branch(inputs, plan) for _ in range(plan.branches)]
    seven = [branch[0] for branch in branches]
    mean = keras.layers.Average()(seven) if len(seven) > 1 else seven[0]
    model = keras.Model(inputs, mean)
    taught = keras.Model(inputs, keras.layers.Concatenate()([t for pair in branches for t in pair]))
    batches = _batches(heard, weights(heard, plan.ordinary), plan)
    _compile(taught, plan, plan.epochs * len(batches))
    for _ in range(plan.epochs):
        fitted = taught.fit(batches, verbose=0, shuffle=False)
        if history is not None and watch is not None:
            seen, unseen = (
                float(np.mean(model.predict(rows, batch_size=4096, verbose=0).argmax(1) == truth))
                for rows, truth in ((heard.rows, heard.targets.argmax(1)), watch)
            )
            loss = float(fitted.history["loss"][0])
            history.append({"loss": loss, "train": seen, "unseen": unseen})
    return model


def _compile(taught: Any, plan: Plan, steps: int) -> None:
    import keras

    rate = keras.optimizers.schedules.CosineDecay(
        plan.rate / 25, steps - steps // 7, 1e-6, warmup_target=plan.rate, warmup_steps=steps // 7
    )
    width, sides = len(LABELS), keras.ops.convert_to_tensor(SIDES.T)

    def loss(truth: Any, logits: Any) -> Any:
        ops = keras.ops
        parts = ops.reshape(logits, (-1, plan.branches, width + len(SIDES)))
        truth = ops.broadcast_to(truth[:, None], ops.shape(parts[..., :width]))
        seven = ops.categorical_crossentropy(truth, parts[..., :width], from_logits=True)
        aside = ops.binary_crossentropy(
            ops.matmul(truth, sides), parts[..., width:], from_logits=True
        )
        return ops.mean(seven + plan.side_task * ops.sum(aside, axis=-1), axis=-1)

    taught.compile(keras.optimizers.AdamW(rate, weight_decay=plan.decay), loss)


def _batches(heard: Heard, heavy: Floats, plan: Plan) -> Any:
    """Mixtures of two clips, of smoothed labels, with their weights."""
    import keras

    rng = np.random.default_rng(plan.seed)
    rows = heard.rows
    soft = heard.targets * (1 - plan.smoothing) + plan.smoothing / len(LABELS)
    size = min(plan.batch, len(rows))

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
        """Other mixtures every epoch."""

        def __init__(self) -> None:
            super().__init__(workers=1, use_multiprocessing=False)
            self._order = rng.permutation(len(rows))

        def __len__(self) -> int:
            return len(rows) // size

        def on_epoch_end(self) -> None:
            self._order = rng.permutation(len(rows))

        def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
            one = self._order[index * size : (index + 1) * size]
            other = rng.permutation(one)
            part = np.ones((len(one), 1), np.float32)
            if plan.mix:
                part = rng.beta(plan.mix, plan.mix, part.shape).astype(np.float32)
                part = np.maximum(part, 1 - part)
            mixed = part * rows[one] + (1 - part) * rows[other]
            weight = part[:, 0] * heavy[one] + (1 - part[:, 0]) * heavy[other]
            return mixed, part * soft[one] + (1 - part) * soft[other], weight

    return Batches()
