"""Send data in place of observations that a reader might choke on: huge shapes, deep nests, pickles, wrong types, plain noise."""

import base64
import json
import os
import pickle

from IPython.display import display

from autograder.student.answering import OBSERVATION_MIME


class Boom:
    def __reduce__(self):
        return (os.system, ("touch /tmp/pickled",))


def safetensors(header):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


huge = {"t0": {"dtype": "F64", "shape": [2**40, 2**20], "data_offsets": [0, 2**63]}, "__metadata__": {"tree": "[" * 100_000}}
noise = [
    pickle.dumps(Boom()),
    b"",
    b"\xff" * 100,
    safetensors(huge),
    safetensors({"__metadata__": {"tree": "{}"}}),
    b"\x00" * 8 + b"{}" * 9,
]


def largest(x):
    for data in noise:
        display({OBSERVATION_MIME: base64.b64encode(data).decode()}, raw=True)
    display({OBSERVATION_MIME: {"a": 1}}, raw=True)
    display({OBSERVATION_MIME: "not base64"}, raw=True)
    return -1.0
