"""Visitors of the running page who all want something at the same time, by way of its endpoints."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from gradio_client import Client, handle_file

LONGEST = 600  # seconds that all of them may take together


def visit(url: str, count: int, image: Path) -> dict:
    """So many visitors trace an image at the same time.

    Returns:
        How many got an answer, the errors of the others, how many were told their place in the queue, the last place
        that anybody was told (from 1 on), and the seconds that the first and the last one waited.
    """
    clients = [Client(url, verbose=False) for _ in range(count)]
    answers, errors, places, waited = [], [], {}, []
    began = time.monotonic()

    def one(number: int, client: Client) -> None:
        try:
            job = client.submit(handle_file(image), "grid", ["mini-dc"], api_name="/trace_inversion")
            while not job.done() and time.monotonic() - began < LONGEST:
                rank = job.status().rank
                if rank is not None:
                    places[number] = max(places.get(number, 0), rank + 1)
                time.sleep(0.05)
            answers.append(job.result(timeout=1)["verdict"]["kind"])
            waited.append(round(time.monotonic() - began, 1))
        except Exception as error:  # whatever it is, it is what a visitor would have seen
            errors.append(f"{type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
    return {
        "visitors": count,
        "answered": len(answers),
        "errors": errors,
        "told": len(places),
        "last_place": max(places.values(), default=0),
        "first": min(waited, default=None),
        "last": max(waited, default=None),
    }
