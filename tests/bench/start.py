"""How long from the command to the first page served, beside what `import gradio` alone takes.

The two are timed in turn, five times, and the medians told: timings on a shared machine
wander, but they wander together.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROUNDS = 5
PORT = 7966


def import_gradio() -> float:
    """Seconds that a new interpreter takes to import Gradio."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.monotonic() - start


def first_page(home: str) -> float:
    """Seconds from starting the command to the whole first page."""
    command = Path(sys.executable).with_name("rejoinder")
    env = {**os.environ, "REJOINDER_HOME": home, "REJOINDER_PORT": str(PORT)}
    start = time.monotonic()
    process = subprocess.Popen(
        [command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while time.monotonic() - start < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5) as page:
                    page.read()
                return time.monotonic() - start
            except OSError:
                time.sleep(0.02)
        raise SystemExit("no page within 120 s")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def main() -> None:
    """Print both medians."""
    with tempfile.TemporaryDirectory() as home:
        rounds = [(import_gradio(), first_page(home)) for _ in range(ROUNDS)]
    alone, page = (statistics.median(column) for column in zip(*rounds, strict=True))
    sys.stdout.write(
        f"import gradio {alone:.2f} s, first page served {page:.2f} s (medians of {ROUNDS})\n"
    )


if __name__ == "__main__":
    main()
