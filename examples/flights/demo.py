"""The whole loop on real flights, with stock clients: mlflow, scikit-learn and XGBoost to ONNX,
tritonclient, git.

Starts `build/fettle server`, trains on January and February 2013, serves March to December month by
month, and lets Fettle find out that
summer is not winter, retrain, judge, roll out, and get rid of a bad model.
examples/flights/README.md tells the story.

Exits 0 if every step came true. On a terminal, or with KEEP=1, the server keeps running until
Ctrl-C.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from loop.server import PortTaken, Server, require_free  # noqa: E402
from loop.story import Checks, Story  # noqa: E402

FAILED = 1
INTERRUPTED = 130
MONTHS = [f"2013-{month:02}" for month in range(1, 13)]


@dataclass
class Options:
    folder: Path
    fettle: Path
    http: tuple[str, int]
    stationary: bool
    until: str


def parse_options() -> Options:
    parser = argparse.ArgumentParser(
        description="The whole loop on the flights of 2013; see examples/flights/README.md."
    )
    parser.add_argument(
        "--stationary",
        action="store_true",
        help="shuffle the flights over the year: no drift, so nothing to retrain",
    )
    parser.add_argument(
        "--until",
        choices=MONTHS[2:],
        default=MONTHS[-1],
        help="last month to send (default: all of them)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "demo",
        help="made anew (default: build/demo)",
    )
    parser.add_argument(
        "--fettle",
        type=Path,
        default=ROOT / "build" / "fettle",
        help="the binary (default: build/fettle)",
    )
    parser.add_argument(
        "--http",
        default="127.0.0.1:5000",
        metavar="HOST:PORT",
        help="where the server listens (default: %(default)s)",
    )
    given = parser.parse_args()
    host, _, port = given.http.rpartition(":")
    return Options(
        given.folder.resolve(),
        given.fettle.absolute(),
        (host, int(port)),
        given.stationary,
        given.until,
    )


def environment(options: Options) -> dict[str, str]:
    """What the server, the pipeline's stages and git see; MLflow's clients need nothing but the
    tracking address.
    """
    url = f"http://{options.http[0]}:{options.http[1]}"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "FETTLE_", "DVC_", "GIT_"))
    }
    venv = Path(sys.executable).parent
    return kept | {
        "PATH": f"{venv}:{kept.get('PATH', '/usr/bin:/bin')}",
        "PYTHONWARNINGS": "ignore",
        "FETTLE_ONNXRUNTIME": str(ROOT / "build" / "deps" / "lib" / "libonnxruntime.so"),
        "FETTLE_URL": url,
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_EXPERIMENT_NAME": "flights",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def tell(options: Options, story: Story, checks: Checks) -> Server:
    """Starts the server and runs all steps; returns the server, still running, if nothing was
    raised.
    """
    from loop.steps import Loop  # the clients take seconds to import: first the port, then those

    settings = environment(options)
    os.environ.update({name: settings[name] for name in ("MLFLOW_TRACKING_URI", "PYTHONWARNINGS")})
    server = Server(
        options.fettle,
        options.folder / "fettle-data",
        options.folder / "server.log",
        options.http,
        settings,
    )
    try:
        story.say(
            f"fettle server answers at {server.url} after {server.wait_ready() * 1000:.0f} ms; its "
            f"log is {options.folder}/server.log"
        )
        Loop(options, settings, server.url, story, checks).run()
    except BaseException:
        alive = server.running()
        server.stop()
        if not alive:
            story.say(f"the server ended by itself: {server.last_words()}")
        raise
    return server


def conclude(story: Story, checks: Checks) -> int:
    failed = checks.failed()
    for check in failed:
        print(f"did not come true: {check.what}: {check.seen}", flush=True)
    print(
        f"{checks.count() - len(failed)} of {checks.count()} steps came true in "
        f"{story.elapsed_s():.0f} s",
        flush=True,
    )
    return FAILED if failed else 0


def keep_serving(server: Server) -> None:
    print("the server keeps running: Ctrl-C stops it", flush=True)
    while server.running():
        time.sleep(0.5)
    raise RuntimeError(f"the server ended by itself: {server.last_words()}")


def run(options: Options, story: Story, checks: Checks) -> int:
    if not options.fettle.exists():
        raise FileNotFoundError(f"{options.fettle} is missing: run make first")
    require_free(*options.http)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    server = tell(options, story, checks)
    code = FAILED
    try:
        code = conclude(story, checks)
        print(f"{server.url}/ui/", flush=True)
        if sys.stdout.isatty() or os.environ.get("KEEP") == "1":
            keep_serving(server)
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
    finally:
        if server.stop() != 0:
            print("the server did not stop in good order", flush=True)
            code = FAILED
    return code


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    options = parse_options()
    story = Story()
    checks = Checks(story)
    try:
        return run(options, story, checks)
    except KeyboardInterrupt:
        print("\ninterrupted: the server is stopped", file=sys.stderr)
        return INTERRUPTED
    except PortTaken as taken:
        print(f"error: {taken}", file=sys.stderr)
    except (
        Exception
    ) as error:  # the edge of the program: one sentence instead of a stack, unless asked for
        if os.environ.get("DEMO_TRACE"):
            raise
        print(f"\nerror: {error}", file=sys.stderr)
        print(f"the loop stopped after {checks.count()} steps", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
