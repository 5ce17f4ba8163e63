"""The network: wide ones, trained by Keras, and the small one that learns to answer like them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sered.records import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

NEGATIVE = np.array([label in {"angry", "disgust", "fear", "sad"} for label in LABELS])


@dataclass(frozen=True, slots=True)
class Teacher:
    """One of the wide networks. They differ, so that each mishears other voices."""

    statistics: str = ""
    """What the names of the statistics that it looks at begin with, as a regular expression."""
    within: bool = False
    """Each label counts the same within every corpus, too: then which corpus it is says nothing."""


DISTRIBUTIONS = r"c([1-9]|1\d|20) (mean|spread|p10|p90|delta spread)$|pitch "
"""How the cepstra and the pitch are distributed, nothing of their course or of level."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train; everything here is written into the sidecar."""

    teachers: tuple[Teacher, ...] = (
        Teacher(r"(?!level |(voiced|pause) run )"),
        Teacher(r"(?!band )"),
        Teacher(r"(?!c\d+ (mean|p10|p50|p90|loud|lean|pitched)$)"),
        Teacher(DISTRIBUTIONS),
        Teacher(DISTRIBUTIONS),
        Teacher(within=True),
    )
    wide: tuple[int, ...] = (512, 128)
    """Units of the teachers' hidden layers."""
    parts: int = 2
    """The teachers hear, in turn, one of so many parts of the random lines; all hear the fixed."""
    dropout: float = 0.4
    input_dropout: float = 0.15
    noise: float = 0.35
    """Deviations of Gaussian noise on every statistic: no single one is to be trusted."""
    epochs: int = 10
    squeeze: int = 192
    """Sums of statistics that the student looks at: it can be as wide as a teacher in a small
    file."""
    student: tuple[int, ...] = (512, 128)
    """Units of the student's hidden layers."""
    student_epochs: int = 20
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-3
    mix: float = 1.0
    """Mix-up's beta: 1 is any mixture of two clips as likely as another."""
    smoothing: float = 0.1
    side_task: float = 0.5
    """Weight of the teachers' negative / not negative head."""
    seed: int = 0


def _teacher(width: int, plan: Plan, columns: Sequence[int]) -> Any:
    """Normalised statistics, of which it looks at `columns`, to logits."""
    import keras

    inputs = keras.Input((width,))
    seen = keras.ops.take(inputs, list(columns), axis=1)
    dropped = keras.layers.Dropout(plan.input_dropout)(seen)
    return keras.Model(inputs, _logits(dropped, plan.wide, plan.dropout))


def _student(width: int, plan: Plan) -> Any:
    """Normalised statistics to logits, by layers that int8 TFLite runs well."""
    import keras

    inputs = keras.Input((width,))
    sums = _dense(plan.squeeze, use_bias=False)(inputs)
    return keras.Model(inputs, _logits(sums, plan.student))


def _logits(tensor: Any, hidden: Sequence[int], dropout: float = 0.0) -> Any:
    from keras import layers

    for units in hidden:
        tensor = _dense(units)(tensor)
        tensor = layers.BatchNormalization()(tensor)
        tensor = layers.ReLU()(tensor)
        if dropout:
            tensor = layers.Dropout(dropout)(tensor)
    return _dense(len(LABELS), name="emotion")(tensor)


def _dense(units: int, **more: Any) -> Any:
    """A layer whose weights start small: half of what Keras gives tells new voices apart better."""
    import keras

    small = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return keras.layers.Dense(units, kernel_initializer=small, **more)


@dataclass(frozen=True, slots=True)
class Heard:
    """What is trained on: a clip as often as it was heard."""

    rows: Floats
    """Normalised statistics, (heard, width)."""
    corpora: NDArray[np.str_]
    speakers: NDArray[np.str_]
    labels: NDArray[np.int64]
    """Indices into LABELS."""
    lines: NDArray[np.int64]
    """Number of the random line that it came down, -1 for a fixed one."""

    def part(self, number: int, parts: int) -> Heard:
        """What came down one part of the random lines, or a fixed one.

        Neighbours are a part: of the frequent voices each line has one half in turn.
        """
        kept = (self.lines < 0) | (self.lines * parts // (self.lines.max() + 1) == number)
        return Heard(*(getattr(self, field.name)[kept] for field in fields(self)))


def weights(heard: Heard, *, within: bool = False) -> Floats:
    """Clip weights: each label counts the same, and many clips of one voice count less each.

    `within`: the labels of each corpus count the same.
    """
    pairs = np.char.add(heard.speakers.astype(str), heard.labels.astype(str))
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    weight = counts[which] ** -0.5
    shelf, due = heard.labels, np.ones(len(weight))
    if within:
        _, corpus = np.unique(heard.corpora, return_inverse=True)
        shelf = corpus * len(LABELS) + heard.labels
        due = np.asarray(np.bincount(corpus, weight), float)[corpus]
    weight = weight * due / np.bincount(shelf, weight)[shelf]
    return np.asarray(weight / weight.mean(), np.float32)


def train(
    heard: Heard,
    plan: Plan,
    statistics: Sequence[str],
    *,
    history: list[dict[str, float]] | None = None,
    watch: tuple[Floats, NDArray[np.int64]] | None = None,
) -> Any:
    """The teachers and then their student, which is returned; `statistics` names the columns."""
    teachers = []
    for n, teacher in enumerate(plan.teachers):
        columns = [c for c, name in enumerate(statistics) if re.match(teacher.statistics, name)]
        part = heard.part(n % plan.parts, plan.parts)
        teachers.append(teach(part, plan, plan.seed + n, teacher, columns))
    return learn(heard, teachers, plan, history=history, watch=watch)


def teach(heard: Heard, plan: Plan, seed: int, teacher: Teacher, columns: Sequence[int]) -> Any:
    """One wide network, from the labels; with them it learns whether the clip is negative.

    It looks at `columns` of the statistics.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = _teacher(heard.rows.shape[1], plan, columns)
    aside = keras.layers.Dense(1, name="negative")(model.layers[-2].output)
    taught = keras.Model(model.input, [model.output, aside])
    size = len(LABELS)
    soft = np.eye(size, dtype=np.float32) * (1 - plan.smoothing) + plan.smoothing / size

    def answer(_: Floats, one: Any, other: Any, part: Floats) -> tuple[Floats, Floats]:
        mixed = part * soft[heard.labels[one]] + (1 - part) * soft[heard.labels[other]]
        return mixed, mixed[:, NEGATIVE].sum(axis=1, keepdims=True)

    heavy = weights(heard, within=teacher.within)
    batches = _batches(heard, heavy, plan, seed, noise=plan.noise, answer=answer)
    losses = [
        keras.losses.CategoricalCrossentropy(from_logits=True),
        keras.losses.BinaryCrossentropy(from_logits=True),
    ]
    _compile(taught, plan, plan.epochs * len(batches), losses, [1.0, plan.side_task])
    taught.fit(batches, epochs=plan.epochs, verbose=0, shuffle=False)
    return model


def learn(
    heard: Heard,
    teachers: Sequence[Any],
    plan: Plan,
    *,
    history: list[dict[str, float]] | None = None,
    watch: tuple[Floats, NDArray[np.int64]] | None = None,
) -> Any:
    """The small network: it is told what the teachers make of every mixture, not the labels.

    Their logits are averaged, so one that is sure that a clip is not of a label has its say.

    With `history` the losses of every epoch are appended to it, and with `watch` (statistics and
    labels of speakers that are not trained on) the accuracy: for drawing, never for choosing.
    """
    import keras

    seed = plan.seed + len(teachers)
    keras.utils.set_random_seed(seed)
    model = _student(heard.rows.shape[1], plan)
    shared = keras.Input(heard.rows.shape[1:])
    logits = [teacher(shared) for teacher in teachers]
    agreed = keras.layers.Average()(logits) if len(logits) > 1 else logits[0]
    council = keras.Model(shared, keras.layers.Softmax()(agreed))

    def answer(mixed: Floats, *_: object) -> Floats:
        return np.asarray(council.predict_on_batch(mixed))

    batches = _batches(heard, weights(heard), plan, seed, noise=0.0, answer=answer)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    _compile(model, plan, plan.student_epochs * len(batches), loss, None)
    for _ in range(plan.student_epochs):
        fitted = model.fit(batches, verbose=0, shuffle=False)
        if history is not None and watch is not None:
            seen, unseen = (
                float(np.mean(model.predict(rows, batch_size=4096, verbose=0).argmax(1) == truth))
                for rows, truth in ((heard.rows, heard.labels), watch)
            )
            history.append(
                {"loss": float(fitted.history["loss"][0]), "train": seen, "unseen": unseen}
            )
    return model


def _compile(model: Any, plan: Plan, steps: int, loss: Any, parts: list[float] | None) -> None:
    import keras

    rate = keras.optimizers.schedules.CosineDecay(
        plan.rate / 25, steps - steps // 7, 1e-6, warmup_target=plan.rate, warmup_steps=steps // 7
    )
    model.compile(keras.optimizers.AdamW(rate, weight_decay=plan.decay), loss, loss_weights=parts)


def _batches(
    heard: Heard, heavy: Floats, plan: Plan, seed: int, *, noise: float, answer: Callable[..., Any]
) -> Any:
    """Noisy mixtures of two clips; `answer(mixture, one, other, part of one)` is the target."""
    import keras

    rng = np.random.default_rng(seed)
    rows = heard.rows

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
        """Other mixtures every epoch."""

        def __init__(self) -> None:
            super().__init__(workers=1, use_multiprocessing=False)
            self._order = rng.permutation(len(rows))

        def __len__(self) -> int:
            return len(rows) // plan.batch

        def on_epoch_end(self) -> None:
            self._order = rng.permutation(len(rows))

        def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
            one = self._order[index * plan.batch : (index + 1) * plan.batch]
            other = rng.permutation(one)
            part = np.ones((len(one), 1), np.float32)
            if plan.mix:
                part = rng.beta(plan.mix, plan.mix, part.shape).astype(np.float32)
                part = np.maximum(part, 1 - part)
            mixed = part * rows[one] + (1 - part) * rows[other]
            weight = part[:, 0] * heavy[one] + (1 - part[:, 0]) * heavy[other]
            target = answer(mixed, one, other, part)
            if noise:
                mixed = mixed + noise * rng.standard_normal(mixed.shape, np.float32)
            each = (weight,) * len(target) if isinstance(target, tuple) else weight
            return mixed, target, each

    return Batches()
