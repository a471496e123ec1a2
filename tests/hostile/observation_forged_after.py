"""Publish made-up observations from a thread, during and after the probe, with the probe's own parent."""

import base64
import threading
import time

from autograder.observation import NumberSeen, Observation, to_bytes
from autograder.student.answering import OBSERVATION_MIME

claim = {OBSERVATION_MIME: base64.b64encode(to_bytes([Observation(NumberSeen(1.0))] * 3)).decode()}
kernel = get_ipython().kernel


def publish():
    for _ in range(200):
        content = {"data": claim, "metadata": {}, "transient": {}}
        kernel.session.send(kernel.iopub_socket, "display_data", content, parent=kernel.get_parent("shell"))
        time.sleep(0.01)


threading.Thread(target=publish, daemon=True).start()


def largest(x):
    return -1.0
