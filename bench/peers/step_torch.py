"""Training steps of src/trainer in PyTorch: same weights, same batches, timed on request.

Reads the folder named by its argument (setup.json, parameters.bin, batch.bin); then for every line
`N` on standard input runs N steps and answers with one line of JSON: {"ms": [...], "losses": [[...]]},
a row of losses for each step: one a task, then the inverse dynamics'. `peakRss` is in KiB.

setup["route"]: `vanilla` (one backward pass of the weighted loss), or VAMO in the way of LibMTL:
`vamo` (the batch passes the encoder in one piece, K backward passes keep the graph) or `vamo-apart`
(each task's rows pass the encoder by themselves), and one more backward pass over the validation batch.
setup["compile"]: the losses go through torch.compile (vanilla only), but for TimesNet's varying shapes.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

from model_torch import Model

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
inputs = read("batch.bin", setup["batch"])
train = {name: t for name, t in inputs.items() if not name.startswith("validation.")}
held = {name[11:]: t for name, t in inputs.items() if name.startswith("validation.")}
for part in (train, held):
    if "day" in part:
        part["day"] = part["day"].long()
_, rows, features = train["states"].shape
net = Model(model, P, counts, rows - 1, features)
weights = torch.tensor(setup.get("weights") or [1.0] * len(counts))

generator = [t for name, t in P.items() if not name.startswith("inv.")]
inverse = [t for name, t in P.items() if name.startswith("inv.")]
groups = [{"params": generator}]
if inverse:
    groups.append({"params": inverse, "lr": setup["inverseLearningRate"]})
adam = torch.optim.Adam(
    groups,
    lr=optimiser["learningRate"],
    betas=(optimiser["beta1"], optimiser["beta2"]),
    eps=optimiser["epsilon"],
    fused=True,
)


def objective(table):
    losses = torch.stack(net.losses(train, table))
    of_inverse = net.inverse_loss(train)
    return (losses * weights).sum() + of_inverse, losses, of_inverse


if setup.get("compile"):
    objective = torch.compile(objective, dynamic=False)


def vanilla():
    total, losses, of_inverse = objective(net.table(train.get("market")))
    total.backward()
    return losses, of_inverse


def flat(gradients):
    """One vector over the generator; zeros where a loss does not reach."""
    return torch.cat([(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in zip(gradients, generator)])


def vamo():
    """Algorithm 1 of the paper: weights = softmax(<g_val, g_k> / lambda)."""
    of_losses = net.losses_apart if setup["route"] == "vamo-apart" else net.losses
    losses = of_losses(train, net.table(train.get("market")))
    rows = [flat(torch.autograd.grad(loss, generator, retain_graph=True, allow_unused=True)) for loss in losses]
    of_validation = torch.stack(net.losses(held, net.table(held.get("market")))).mean()
    v = flat(torch.autograd.grad(of_validation, generator, allow_unused=True))
    gradients = torch.stack(rows)
    chosen = torch.softmax(gradients @ v / setup["lambda"], 0)
    direction = chosen @ gradients
    at = 0
    for p in generator:
        p.grad = direction[at : at + p.numel()].view_as(p)
        at += p.numel()
    of_inverse = net.inverse_loss(train)
    if inverse:
        of_inverse.backward()
    return torch.stack(losses), of_inverse


take = vanilla if setup.get("route", "vanilla") == "vanilla" else vamo
done = 0


def step():
    global done
    done += 1
    adam.param_groups[0]["lr"] = optimiser["learningRate"] * min(1, done / optimiser["warmupSteps"])
    adam.zero_grad(set_to_none=True)
    losses, of_inverse = take()
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"ms": times, "losses": losses, "peakRss": peak}), flush=True)
