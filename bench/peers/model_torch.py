"""The model of src/model in PyTorch: same parameters by the same names, same losses.

Written as a good PyTorch programmer would: scaled_dot_product_attention, layer_norm, gelu, conv2d.
"""

import math

import torch
from torch.nn import functional as F

HALF_LOG_TWO_PI = 0.9189385332046727
LAST_ACTION = 18


class Model:
    """Losses of a batch whose rows stand grouped by task.

    model: the `model` part of the configuration; parameters: tensors by name; counts: rows a task.
    """

    def __init__(self, model, parameters, counts, steps, features):
        self.model, self.P, self.counts = model, parameters, counts
        self.steps, self.features = steps, features
        self.direct = model["policyHead"] == "action"
        self.predicted = torch.ones(features)
        self.predicted[0] = 0  # time left is known
        # A direct action head must not see the newest action, nor predict it.
        self.seen = torch.ones(features)
        if self.direct:
            self.predicted[LAST_ACTION] = self.seen[LAST_ACTION] = 0
        starts = [sum(counts[:k]) for k in range(len(counts))]
        self.slices = [slice(start, start + count) for start, count in zip(starts, counts)]
        task = torch.repeat_interleave(torch.eye(len(counts)), torch.tensor(counts), dim=0)
        self.of_task = task[:, None].expand(sum(counts), steps, len(counts))
        self.temporal = TimesNet(model["temporal"], parameters, steps) if model["temporal"] != "none" else None

    def linear(self, x, name):
        return F.linear(x, self.P[f"{name}.weight"], self.P[f"{name}.bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.P[f"{name}.weight"], self.P[f"{name}.bias"])

    def attention(self, qkv):
        rows, steps, _ = qkv.shape
        split = qkv.view(rows, steps, 3, self.model["heads"], -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(split[0], split[1], split[2], is_causal=True)
        return mixed.transpose(1, 2).reshape(rows, steps, -1)

    def encode(self, present, z):
        """Rows [B, T, S] and z [B, T, h] (or None) to [B, T, h]."""
        x = self.linear(present, "embed") + self.P["pos"]
        if z is not None:
            x = x + z
        for i in range(self.model["layers"]):
            layer = f"layers.{i}"
            mixed = self.attention(self.linear(self.norm(x, f"{layer}.ln1"), f"{layer}.qkv"))
            x = x + self.linear(mixed, f"{layer}.out")
            inner = F.gelu(self.linear(self.norm(x, f"{layer}.ln2"), f"{layer}.fc1"))
            x = x + self.linear(inner, f"{layer}.fc2")
        return self.norm(x, "norm")

    def task_loss(self, k, hidden, batch, own):
        name = f"heads.{k}"
        embedded = self.linear(F.silu(self.linear(batch["label"][own], f"{name}.y1")), f"{name}.y2")
        weight, width = self.P[f"{name}.fc1.weight"], hidden.shape[-1]
        of_label = F.linear(embedded, weight[:, width:], self.P[f"{name}.fc1.bias"])
        inner = F.gelu(F.linear(hidden, weight[:, :width]) + of_label[:, None])
        change, spread = self.linear(inner, f"{name}.fc2").split(self.features, dim=2)
        log_sigma = 1.75 * torch.tanh(spread) - 0.75
        states = batch["states"][own]
        error = (states[:, 1:] - states[:, :-1] - change) * torch.exp(-log_sigma)
        density = 0.5 * error * error + log_sigma
        where = batch["mask"][own][..., None] * self.predicted
        likelihood = masked_mean(density, where) + HALF_LOG_TWO_PI
        if not self.direct:
            return likelihood
        miss = self.linear(inner, f"{name}.action").squeeze(-1) - batch["action"][own]
        return likelihood + masked_mean(miss * miss, batch["mask"][own])

    def table(self, market):
        """z of every distinct day, [D, T, h]; None without a temporal module."""
        return None if self.temporal is None else self.temporal(market)

    def present(self, states):
        """States 0..T-1 as the encoder sees them."""
        return states[:, :-1] * self.seen if self.direct else states[:, :-1]

    def losses(self, batch, table):
        """One loss a task; the batch passes the encoder in one piece."""
        z = None if table is None else table[batch["day"]]
        hidden = self.encode(self.present(batch["states"]), z)
        return [self.task_loss(k, hidden[own], batch, own) for k, own in enumerate(self.slices)]

    def losses_apart(self, batch, table):
        """The same; each task's rows pass the encoder by themselves, so gradients do not meet."""
        found = []
        for k, own in enumerate(self.slices):
            z = None if table is None else table[batch["day"][own]]
            found.append(self.task_loss(k, self.encode(self.present(batch["states"][own]), z), batch, own))
        return found

    def inverse_loss(self, batch):
        if self.direct:
            return torch.zeros(())
        present, following = batch["states"][:, :-1], batch["states"][:, 1:]
        delayed = [F.pad(present, (0, 0, by, 0))[:, : self.steps] for by in (2, 1)]
        x = torch.cat([*delayed, present, following, self.of_task], dim=2)
        x = F.gelu(self.linear(F.gelu(self.linear(x, "inv.0")), "inv.2"))
        return masked_mean((self.linear(x, "inv.4").squeeze(-1) - batch["action"]) ** 2, batch["mask"])


def masked_mean(values, where):
    return (values * where).sum() / where.sum().clamp(min=1)


class TimesNet:
    """The static form: fixed divisor periods, per-sample choice, merged Inception kernels.

    Only the periods a sample chose are convolved. Their number varies, so this stays eager where the
    rest goes through torch.compile, which wants static shapes.
    """

    def __init__(self, settings, parameters, steps):
        self.settings, self.P, self.steps = settings, parameters, steps
        self.bases = {}

    def basis(self, length):
        """Candidate periods in tie order, and cosines and sines at their frequencies [2, Q, H]."""
        if length not in self.bases:
            parts = [self.steps // part for part in (1, 2, 3, 4, 6, 8)]
            last = length if length > self.steps else self.steps // 12
            periods = [p for p in dict.fromkeys([*parts, last]) if length % p == 0]
            t = torch.arange(length)
            angle = torch.stack([2 * math.pi * (t % p) / p for p in periods]).double()
            waves = torch.stack([torch.cos(angle), torch.sin(angle)]).float()
            rank = torch.arange(len(periods))
            self.bases[length] = periods, waves, rank[:, None] > rank[None, :]
        return self.bases[length]

    def choose(self, x, waves, earlier):
        parts = torch.einsum("sql,blc->bsqc", waves, x)
        power = parts.square().sum(1).clamp(min=1e-12)
        amplitude = power.sqrt().mean(2)
        with torch.no_grad():
            mine, other = amplitude[:, :, None], amplitude[:, None, :]
            rank = ((other > mine) | ((other == mine) & earlier)).sum(2)
            chosen = rank < self.settings["periods"]
        return torch.softmax(amplitude.masked_fill(~chosen, -1e9), 1), chosen

    def kernel(self, name):
        n = self.settings["kernels"]
        border = lambda j: (n - 1 - j,) * 4
        weight = sum(F.pad(self.P[f"{name}.kernels.{j}.weight"], border(j)) for j in range(n)) / n
        bias = sum(self.P[f"{name}.kernels.{j}.bias"] for j in range(n)) / n
        return weight, bias

    def block(self, x, i):
        days, length, channels = x.shape
        periods, waves, earlier = self.basis(length)
        weights, chosen = self.choose(x, waves, earlier)
        first = self.kernel(f"temporal.blocks.{i}.conv.0")
        second = self.kernel(f"temporal.blocks.{i}.conv.2")
        n = self.settings["kernels"]
        series = x.transpose(1, 2)
        total = x
        for q, period in enumerate(periods):
            which = chosen[:, q].nonzero()[:, 0]
            if len(which) == 0:
                continue
            image = series[which].reshape(-1, channels, length // period, period)
            # Kernel rows and columns that only ever meet the padding are left out.
            r, c = min(n, length // period) - 1, min(n, period) - 1
            crop = lambda w: w[:, :, n - 1 - r : n + r, n - 1 - c : n + c]
            image = F.gelu(F.conv2d(image, crop(first[0]), first[1], padding=(r, c)))
            image = F.conv2d(image, crop(second[0]), second[1], padding=(r, c))
            part = image.flatten(2).transpose(1, 2)
            total = total.index_add(0, which, weights[which, q][:, None, None] * part)
        return total

    def __call__(self, market):
        w = self.P["temporal.token.weight"]
        wrapped = F.pad(market.transpose(1, 2), (1, 1), mode="circular")
        x = F.conv1d(wrapped, w).transpose(1, 2) + positions(market.shape[1], w.shape[0])
        for i in range(self.settings["blocks"]):
            name = f"temporal.norm.{i}"
            x = F.layer_norm(self.block(x, i), x.shape[-1:], self.P[f"{name}.weight"], self.P[f"{name}.bias"])
        return F.linear(x[:, -self.steps :], self.P["temporal.proj.weight"], self.P["temporal.proj.bias"])


_positions = {}


def positions(length, width):
    """Sines on even and cosines on odd channels."""
    if (length, width) not in _positions:
        channel = torch.arange(width)
        angle = torch.arange(length)[:, None] / 10000 ** ((channel - channel % 2) / width)
        _positions[length, width] = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
    return _positions[length, width]
