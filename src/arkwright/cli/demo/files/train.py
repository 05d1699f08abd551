"""Data-parallel training of a small next-byte model, as a tenant would write it.

Every rank works on its own part of the corpus; gradients are averaged between the processes after
each step; rank 0 writes a checkpoint now and then, and a new attempt goes on from the last one.
With torch installed it is torch's DistributedDataParallel over gloo, else NumPy over plain sockets.

    CORPUS=... RANK=0 WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 python train.py
"""

from __future__ import annotations

import argparse
import os
import socket
import struct
import sys
import time
from pathlib import Path

import numpy as np

try:
    import torch
except ImportError:
    torch = None

CONTEXT = 12
VOCABULARY = 128
EMBEDDING = 24
HIDDEN = 192
BATCH = 192
LEARNING_RATE = 3e-3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--checkpoint-every", type=int, default=25)
    options = parser.parse_args()
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    text = np.frombuffer(Path(os.environ["CORPUS"]).read_bytes(), np.uint8)
    shard = _shard(text, rank, world)
    trainer = NumpyTrainer(rank, world) if torch is None else TorchTrainer(rank, world)
    checkpoint = Path(os.environ.get("ARKWRIGHT_CHECKPOINT_DIR", ".")) / "last.npz"
    step = first = _load(checkpoint, trainer)
    if rank == 0:
        kind = "NumPy over sockets" if torch is None else "torch DDP over gloo"
        print(f"{kind}: {world} ranks, {len(shard)} bytes each", flush=True)
        print(f"resumed from step {step}" if step else "starting from step 0", flush=True)
    generator = np.random.default_rng([rank, step])
    began = time.monotonic()
    while step < options.steps:
        loss = trainer.step(*_batch(shard, generator))
        step += 1
        is_due = step % options.checkpoint_every == 0 or step == options.steps
        if is_due and rank == 0:
            print(f"step {step} loss {loss:.3f}", flush=True)
            _save(checkpoint, trainer, step)
    if rank == 0:
        rate = (step - first) / max(time.monotonic() - began, 1e-9)
        print(f"done: final loss {loss:.3f}, about {rate:.0f} steps/s", flush=True)
    trainer.close()


def _shard(text: np.ndarray, rank: int, world: int) -> np.ndarray:
    """This rank's contiguous part of the corpus."""
    text = text[text < VOCABULARY]
    size = len(text) // world
    return text[rank * size : (rank + 1) * size]


def _batch(shard: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Contexts [BATCH, CONTEXT] and the byte that follows each [BATCH]."""
    start = generator.integers(0, len(shard) - CONTEXT - 1, BATCH)
    window = shard[start[:, None] + np.arange(CONTEXT + 1)]
    return window[:, :-1].astype(np.int64), window[:, -1].astype(np.int64)


def _save(path: Path, trainer: NumpyTrainer | TorchTrainer, step: int) -> None:
    """Write beside, then rename: a crash leaves the old checkpoint or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp.npz")
    np.savez(beside, step=step, **trainer.state())
    beside.replace(path)


def _load(path: Path, trainer: NumpyTrainer | TorchTrainer) -> int:
    if not path.exists():
        return 0
    with np.load(path) as saved:
        trainer.restore({name: saved[name] for name in saved.files if name != "step"})
        return int(saved["step"])


class NumpyTrainer:
    """The model and Adam in NumPy, gradients averaged over sockets through rank 0."""

    def __init__(self, rank: int, world: int) -> None:
        generator = np.random.default_rng(0)
        width = CONTEXT * EMBEDDING
        self.weights = {
            "embedding": generator.normal(0, 0.1, (VOCABULARY, EMBEDDING)),
            "inner": generator.normal(0, width**-0.5, (width, HIDDEN)),
            "outer": generator.normal(0, HIDDEN**-0.5, (HIDDEN, VOCABULARY)),
        }
        self.moments = {f"m_{name}": np.zeros_like(w) for name, w in self.weights.items()}
        self.moments |= {f"v_{name}": np.zeros_like(w) for name, w in self.weights.items()}
        self.count = np.zeros(1)
        self.peers = Peers(rank, world)

    def step(self, context: np.ndarray, following: np.ndarray) -> float:
        """One step on one batch; returns the loss averaged over all ranks."""
        w = self.weights
        embedded = w["embedding"][context].reshape(len(context), -1)
        hidden = np.tanh(embedded @ w["inner"])
        logits = hidden @ w["outer"]
        logits -= logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        probability /= probability.sum(axis=1, keepdims=True)
        picked = probability[np.arange(len(following)), following]
        error = probability
        error[np.arange(len(following)), following] -= 1
        error /= len(following)
        back = (error @ w["outer"].T) * (1 - hidden**2)
        gradient = {"inner": embedded.T @ back, "outer": hidden.T @ error}
        gradient["embedding"] = np.zeros_like(w["embedding"])
        spread = (back @ w["inner"].T).reshape(-1, EMBEDDING)
        np.add.at(gradient["embedding"], context.reshape(-1), spread)
        loss = -np.log(np.maximum(picked, 1e-12)).mean()
        flat = np.concatenate([[loss], *(gradient[name].ravel() for name in w)])
        mean = self.peers.mean(flat)
        self._update(mean[1:])
        return float(mean[0])

    def _update(self, flat: np.ndarray) -> None:
        self.count += 1
        for name, weight in self.weights.items():
            gradient, flat = flat[: weight.size].reshape(weight.shape), flat[weight.size :]
            m, v = self.moments[f"m_{name}"], self.moments[f"v_{name}"]
            m += 0.1 * (gradient - m)
            v += 0.001 * (gradient**2 - v)
            corrected = m / (1 - 0.9**self.count) / (np.sqrt(v / (1 - 0.999**self.count)) + 1e-8)
            weight -= LEARNING_RATE * corrected

    def state(self) -> dict[str, np.ndarray]:
        """Everything a resumed run needs."""
        return self.weights | self.moments | {"count": self.count}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Go on from `saved`."""
        for name, value in saved.items():
            self.state()[name][...] = value

    def close(self) -> None:
        """Leave the others."""
        self.peers.close()


class Peers:
    """The ranks of one gang: rank 0 gathers, averages and sends back."""

    def __init__(self, rank: int, world: int) -> None:
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        self.rank, self.world = rank, world
        self.links: list[socket.socket] = []
        if world == 1:
            return
        if rank == 0:
            with socket.create_server(address) as listener:
                listener.settimeout(60)
                links = {}
                while len(links) < world - 1:
                    link = listener.accept()[0]
                    links[struct.unpack("!I", _receive(link, 4))[0]] = link
                self.links = [links[other] for other in sorted(links)]
        else:
            self.links = [_connect(address)]
            self.links[0].sendall(struct.pack("!I", rank))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean of every rank's `values`, the same on every rank."""
        values = values.astype(np.float32)
        if self.rank == 0:
            for link in self.links:
                values = values + np.frombuffer(_receive(link, values.nbytes), np.float32)
            values = values / self.world
            for link in self.links:
                link.sendall(values.tobytes())
            return values
        self.links[0].sendall(values.tobytes())
        return np.frombuffer(_receive(self.links[0], values.nbytes), np.float32)

    def close(self) -> None:
        """Hang up."""
        for link in self.links:
            link.close()


def _connect(address: tuple[str, int]) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(address, timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _receive(link: socket.socket, count: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < count:
        piece = link.recv(count - len(pieces))
        if not piece:
            sys.exit("a peer is gone: the gang cannot go on")
        pieces += piece
    return bytes(pieces)


class TorchTrainer:
    """The same model under torch's DistributedDataParallel."""

    def __init__(self, rank: int, world: int) -> None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
        self.world = world
        self.model = torch.nn.Sequential(
            torch.nn.Embedding(VOCABULARY, EMBEDDING),
            torch.nn.Flatten(),
            torch.nn.Linear(CONTEXT * EMBEDDING, HIDDEN, bias=False),
            torch.nn.Tanh(),
            torch.nn.Linear(HIDDEN, VOCABULARY, bias=False),
        )
        self.parallel = torch.nn.parallel.DistributedDataParallel(self.model)
        self.optimiser = torch.optim.Adam(self.model.parameters(), LEARNING_RATE)

    def step(self, context: np.ndarray, following: np.ndarray) -> float:
        """One step on one batch; returns the loss averaged over all ranks."""
        self.optimiser.zero_grad()
        logits = self.parallel(torch.from_numpy(context))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(following))
        loss.backward()
        self.optimiser.step()
        mean = loss.detach().clone()
        torch.distributed.all_reduce(mean)
        return mean.item() / self.world

    def state(self) -> dict[str, np.ndarray]:
        """Everything a resumed run needs."""
        saved = {name: value.numpy() for name, value in self.model.state_dict().items()}
        for index, slot in self.optimiser.state_dict()["state"].items():
            saved |= {f"adam.{index}.{key}": np.asarray(value) for key, value in slot.items()}
        return saved

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Go on from `saved`."""
        names = self.model.state_dict().keys()
        self.model.load_state_dict({name: torch.from_numpy(saved[name]) for name in names})
        optimiser = self.optimiser.state_dict()
        optimiser["state"] = {}
        for name, value in saved.items():
            if name.startswith("adam."):
                _, index, key = name.split(".")
                optimiser["state"].setdefault(int(index), {})[key] = torch.as_tensor(value)
        self.optimiser.load_state_dict(optimiser)

    def close(self) -> None:
        """Leave the others."""
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
