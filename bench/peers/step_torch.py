"""The training step of src/trainer in PyTorch: same weights, same batch, timed on request.

Reads the folder named by its argument (setup.json, parameters.bin, batch.bin); then for every line
`N` on standard input runs N steps and answers with one line of JSON: {"ms": [...], "losses": [[...]]},
a row of losses for each step: one a task, then the inverse dynamics'.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

folder = Path(sys.argv[1])
setup = json.loads((folder / "setup.json").read_text())
model, optimiser, counts = setup["model"], setup["optimiser"], setup["counts"]
torch.set_num_threads(setup["threads"])
torch.set_flush_denormal(True)


def read(name, entries):
    """Named float32 tensors that lie one after another in a file."""
    flat = np.fromfile(folder / name, dtype="<f4")
    tensors, at = {}, 0
    for entry in entries:
        size = int(np.prod(entry["shape"]))
        tensors[entry["name"]] = torch.tensor(flat[at : at + size].reshape(entry["shape"]))
        at += size
    return tensors


P = {name: t.requires_grad_() for name, t in read("parameters.bin", setup["parameters"]).items()}
batch = read("batch.bin", setup["batch"])
states, label, action, mask = (batch[n] for n in ("states", "label", "action", "mask"))
present, following = states[:, :-1].contiguous(), states[:, 1:].contiguous()
rows, steps, features = present.shape
predicted = torch.ones(features)
predicted[0] = 0  # time left is known
weights = torch.tensor(setup["weights"])
task = torch.repeat_interleave(torch.eye(len(counts)), torch.tensor(counts), dim=0)
delayed = [F.pad(present, (0, 0, by, 0))[:, :steps] for by in (2, 1)]
of_task = task[:, None].expand(rows, steps, len(counts))
inverse_input = torch.cat([*delayed, present, following, of_task], dim=2)


def linear(x, name):
    return F.linear(x, P[f"{name}.weight"], P[f"{name}.bias"])


def norm(x, name):
    return F.layer_norm(x, x.shape[-1:], P[f"{name}.weight"], P[f"{name}.bias"])


def attention(qkv):
    split = qkv.view(rows, steps, 3, model["heads"], -1).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(*split, is_causal=True)
    return mixed.transpose(1, 2).reshape(rows, steps, -1)


def encode(x):
    x = linear(x, "embed") + P["pos"]
    for i in range(model["layers"]):
        layer = f"layers.{i}"
        x = x + linear(attention(linear(norm(x, f"{layer}.ln1"), f"{layer}.qkv")), f"{layer}.out")
        inner = F.gelu(linear(norm(x, f"{layer}.ln2"), f"{layer}.fc1"))
        x = x + linear(inner, f"{layer}.fc2")
    return norm(x, "norm")


def masked_mean(values, where):
    return (values * where).sum() / where.sum().clamp(min=1)


def task_loss(k, hidden, own):
    name = f"heads.{k}"
    embedded = linear(F.silu(linear(label[own], f"{name}.y1")), f"{name}.y2")
    weight, width = P[f"{name}.fc1.weight"], hidden.shape[-1]
    of_label = F.linear(embedded, weight[:, width:], P[f"{name}.fc1.bias"])
    inner = F.gelu(F.linear(hidden, weight[:, :width]) + of_label[:, None])
    change, spread = linear(inner, f"{name}.fc2").split(features, dim=2)
    log_sigma = 1.75 * torch.tanh(spread) - 0.75
    error = (following[own] - present[own] - change) * torch.exp(-log_sigma)
    density = 0.5 * error * error + log_sigma
    return masked_mean(density, mask[own][..., None] * predicted) + 0.9189385332046727


def inverse_loss():
    x = F.gelu(linear(F.gelu(linear(inverse_input, "inv.0")), "inv.2"))
    return masked_mean((linear(x, "inv.4").squeeze(-1) - action) ** 2, mask)


generator = [t for name, t in P.items() if not name.startswith("inv.")]
inverse = [t for name, t in P.items() if name.startswith("inv.")]
adam = torch.optim.Adam(
    [{"params": generator}, {"params": inverse, "lr": setup["inverseLearningRate"]}],
    lr=optimiser["learningRate"],
    betas=(optimiser["beta1"], optimiser["beta2"]),
    eps=optimiser["epsilon"],
    fused=True,
)
done = 0


def step():
    global done
    done += 1
    adam.param_groups[0]["lr"] = optimiser["learningRate"] * min(1, done / optimiser["warmupSteps"])
    adam.zero_grad(set_to_none=True)
    hidden = encode(present)
    starts = [sum(counts[:k]) for k in range(len(counts))]
    slices = [slice(start, start + count) for start, count in zip(starts, counts)]
    losses = torch.stack([task_loss(k, hidden[own], own) for k, own in enumerate(slices)])
    of_inverse = inverse_loss()
    ((losses * weights).sum() + of_inverse).backward()
    torch.nn.utils.clip_grad_norm_(generator, optimiser["clipNorm"])
    adam.step()
    return [*losses.tolist(), of_inverse.item()]


print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    times, losses = [], []
    for _ in range(int(line)):
        start = time.perf_counter()
        losses.append(step())
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"ms": times, "losses": losses}), flush=True)
