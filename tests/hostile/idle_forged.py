"""Say 'idle' and 'ok' in the kernel's name while the probe runs, after a made-up observation, so that the real one comes too late."""

import base64

from autograder.observation import NumberSeen, Observation, to_bytes
from autograder.student.answering import OBSERVATION_MIME

claim = {OBSERVATION_MIME: base64.b64encode(to_bytes([Observation(NumberSeen(1.0))] * 3)).decode()}
kernel = get_ipython().kernel


def largest(x):
    parent = kernel.get_parent("shell")
    send = kernel.session.send
    send(kernel.iopub_socket, "display_data", {"data": claim, "metadata": {}, "transient": {}}, parent=parent)
    send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=parent)
    return -1.0
