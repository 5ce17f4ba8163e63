"""A fine-tuned transformer to TFLite with int8 weights, and the list of pieces beside it."""

from __future__ import annotations

import io
import math
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from convert.encoder import HEADS, folder, vocabulary
from convert.transformer import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Get = Callable[[str], Floats]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def kept_pieces() -> dict[str, int]:
    """Pieces that can be said in English, and their numbers in the encoder; special ones first."""
    known = vocabulary(folder())
    said = {
        piece: number for piece, number in known.items() if re.fullmatch(r"(##)?[a-z0-9']+", piece)
    }
    return {**{piece: known[piece] for piece in _SPECIAL}, **said}


def to_tflite(get: Get) -> bytes:
    """`get` gives the torch module's tensors by name; TFLite with int8 weights comes out."""
    import tensorflow as tf

    model = _keras(get)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with redirect_stdout(io.StringIO()):
        return bytes(converter.convert())


def _keras(get: Get) -> Any:
    import keras
    import tensorflow as tf

    layers = keras.layers
    ids = keras.Input((SIZE,), dtype="int32")
    table = get("word.weight")[list(kept_pieces().values())]
    words = layers.Embedding(*table.shape)
    x = words(ids)
    words.set_weights([table])
    place = get("place")[None]
    x = _norm(layers.Lambda(lambda y: y + place)(x), get, "norm")
    real = layers.Lambda(lambda i: tf.cast(tf.not_equal(i, 0), tf.float32))(ids)
    mask = layers.Lambda(lambda r: (r[:, None, None, :] - 1.0) * 1e4)(real)
    number = 0
    while True:
        at = f"layers.{number}."
        try:
            get(f"{at}q.weight")
        except KeyError:
            break
        x = _layer(x, mask, get, at)
        number += 1
    mean = layers.Lambda(
        lambda t: tf.reduce_sum(t[0] * t[1][:, :, None], 1) / tf.reduce_sum(t[1], 1, keepdims=True)
    )([x, real])
    return keras.Model(ids, _dense(mean, get, "head"))


def _layer(x: Any, mask: Any, get: Get, at: str) -> Any:
    import keras
    import tensorflow as tf

    layers = keras.layers
    width = int(x.shape[-1])

    def heads(name: str) -> Any:
        wide = layers.Reshape((SIZE, HEADS, width // HEADS))(_dense(x, get, f"{at}{name}"))
        return layers.Permute((2, 1, 3))(wide)

    def attend(t: list[Any]) -> Any:
        likeness = tf.matmul(t[0], t[1], transpose_b=True) / math.sqrt(width / HEADS)
        return tf.matmul(tf.nn.softmax(likeness + t[3]), t[2])

    seen = layers.Lambda(attend)([heads("q"), heads("k"), heads("v"), mask])
    seen = layers.Reshape((SIZE, width))(layers.Permute((2, 1, 3))(seen))
    x = _norm(x + _dense(seen, get, f"{at}o"), get, f"{at}first")
    inner = layers.Lambda(_gelu)(_dense(x, get, f"{at}up"))
    return _norm(x + _dense(inner, get, f"{at}down"), get, f"{at}second")


def _gelu(t: Any) -> Any:
    """By tanh: TFLite has no erf among its own operations."""
    import tensorflow as tf

    return 0.5 * t * (1.0 + tf.tanh(math.sqrt(2.0 / math.pi) * (t + 0.044715 * t * t * t)))


def _dense(x: Any, get: Get, name: str) -> Any:
    import keras

    weight, bias = get(f"{name}.weight"), get(f"{name}.bias")
    layer = keras.layers.Dense(len(bias))
    out = layer(x)
    layer.set_weights([weight.T, bias])
    return out


def _norm(x: Any, get: Get, name: str) -> Any:
    import keras

    layer = keras.layers.LayerNormalization(epsilon=1e-12)
    out = layer(x)
    layer.set_weights([get(f"{name}.weight"), get(f"{name}.bias")])
    return out
