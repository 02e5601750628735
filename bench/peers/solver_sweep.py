"""FairGrad and CAGrad as usually solved, with scipy: reads gradient sets, writes weights.

Standard input: one JSON document {"alpha": a, "c": c, "grams": [[K x K], ...]}.
Standard output: {"scipy": version, "fairgrad": [weights], "cagrad": [simplex weights]}.
"""

import json
import sys

import numpy as np
import scipy
from scipy.optimize import least_squares, minimize


def fairgrad(gram, alpha):
    start = np.full(len(gram), 1 / len(gram))
    residual = lambda w: gram @ w - np.power(1 / w, 1 / alpha)
    return least_squares(residual, start, bounds=(0, np.inf)).x


def cagrad(gram, c):
    start = np.full(len(gram), 1 / len(gram))
    radius = c * np.sqrt(gram.mean() + 1e-8) + 1e-8
    objective = lambda w: w @ gram @ start + radius * np.sqrt(w @ gram @ w + 1e-8)
    total = {"type": "eq", "fun": lambda w: 1 - np.sum(w)}
    bounds = [(0, 1)] * len(gram)
    return minimize(objective, start, bounds=bounds, constraints=total).x


case = json.load(sys.stdin)
grams = [np.array(gram) for gram in case["grams"]]
json.dump(
    {
        "scipy": scipy.__version__,
        "fairgrad": [fairgrad(gram, case["alpha"]).tolist() for gram in grams],
        "cagrad": [cagrad(gram, case["c"]).tolist() for gram in grams],
    },
    sys.stdout,
)
