#!/usr/bin/env python3
"""Opens a published graph with Python's onnxruntime and reproduces its golden rows.

With a temporal module also the second graph, which must give the table shipped with it.

    python clients/verify_graph.py GRAPH.onnx GOLDEN.json
    python clients/verify_graph.py DATA_DIRECTORY VERSION

Needs: pip install onnxruntime numpy. Exit code 0 when every value is within the golden rows'
tolerance, 1 when not, 2 for bad usage. The digests of a version's files are checked first.
"""

import hashlib
import json
import pathlib
import re
import sys

import numpy
import onnxruntime

VERSION = re.compile(r"\d{4}-\d{2}-\d{2}-r\d{1,4}-[0-9a-f]{12}")


def read_version(data, version):
    """The bytes of a version's files by role, checked against its manifest."""
    models = pathlib.Path(data) / "models"
    manifest = json.loads((models / "manifests" / f"{version}.json").read_bytes())
    contents = {}
    for file in manifest["files"]:
        digest = file["sha256"]
        path = models / "blobs" / "sha256" / digest[:2] / digest[2:]
        contents[file["role"]] = path.read_bytes()
        found = hashlib.sha256(contents[file["role"]]).hexdigest()
        if found != digest:
            raise ValueError(f"{file['role']}: expected sha256 {digest}, found {found}")
    return contents


def tensors(side):
    return {
        name: numpy.asarray(tensor["data"], dtype=numpy.float32).reshape(tensor["shape"])
        for name, tensor in side.items()
    }


def verify(graph, golden):
    """Largest absolute error over all golden outputs; raises ValueError beyond the tolerance."""
    rows = json.loads(golden)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    expected = tensors(rows["outputs"])
    if not expected or any(value.size == 0 for value in expected.values()):
        raise ValueError("the golden rows are empty")
    found = dict(zip(expected, session.run(list(expected), tensors(rows["inputs"]))))
    largest = 0.0
    for name, want in expected.items():
        have = found[name]
        if have.shape != want.shape:
            raise ValueError(f"{name}: shape {have.shape}, expected {want.shape}")
        error = numpy.abs(have - want)
        if not numpy.all(error <= rows["atol"] + rows["rtol"] * numpy.abs(want)):
            raise ValueError(f"{name}: differs by {numpy.nanmax(error):.3g}")
        largest = max(largest, float(error.max()))
    return largest


def verify_temporal(graph, table):
    """Largest absolute error over z of the first served day; raises ValueError beyond the tolerance."""
    shipped = json.loads(table)
    rows = {"inputs": {"market": shipped["market"]}, "outputs": {"temporal": shipped["z"]}}
    golden = {**rows, "atol": shipped["atol"], "rtol": shipped["rtol"]}
    return verify(graph, json.dumps(golden))


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    first, second = arguments
    try:
        if VERSION.fullmatch(second):
            files = read_version(first, second)
            graph, golden = files["graph"], files["golden"]
        else:
            files = {}
            graph, golden = pathlib.Path(first).read_bytes(), pathlib.Path(second).read_bytes()
        largest = verify(graph, golden)
        if "temporal" in files:
            error = verify_temporal(files["temporal"], files["table"])
            print(f"table of the first served day reproduced, largest error {error:.3g}")
    except (OSError, ValueError, KeyError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print(f"golden rows reproduced, largest error {largest:.3g}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
