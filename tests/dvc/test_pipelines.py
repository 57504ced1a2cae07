"""Pipelines: the same skips, the same dvc.lock, the same run cache as dvc 3.67."""

import http.server
import json
import threading

import pytest
from repo import DVC, Repo, binary

CLEAN = "Data and pipelines are up to date."

TEMPLATED = """vars:
- base: {d: out}
stages:
  # comment
  gen:
    foreach: [a, b]
    do:
      cmd: echo ${item} ${n.lr} > ${base.d}_${item}
      outs:
      - ${base.d}_${item}
  mx:
    matrix:
      k: [1, 2]
      v: [p]
    cmd: echo ${item.k}${item.v} > mx_${item.k}
    deps: [params.yaml]
    outs:
    - mx_${item.k}
  multi:
    cmd:
    - echo 1
    - "X=5\\necho v$X > multi"
    params: [n, {other.json: [p.q]}, {whole.yaml: }]
    outs:
    - multi:
        persist: true
        cache: false
"""


def build(repo: Repo) -> list[str]:
    """One long piece of work; returns all that was said."""
    repo.write("params.yaml", "x: 1\nn:\n  lr: 0.1\n  l: [1, 2]\n")
    repo.write("a.txt", "a\n")
    repo.ok("add", "a.txt")
    command = 'cp a.txt b.txt && echo "{\\"acc\\": 0.5}" > m.json'
    said = []
    said.append(repo.ok("stage", "add", "-q", "-n", "one", "-d", "a.txt", "-p", "x,n.lr", "-o", "b.txt", "-M", "m.json", command))
    said.append(repo.ok("stage", "add", "-q", "-n", "two", "-d", "b.txt", "-o", "c", "mkdir c; cp b.txt c/x; cp b.txt c/y"))
    said += [repo.ok("status"), repo.ok("repro"), repo.ok("repro"), repo.ok("status")]
    repo.write("params.yaml", "x: 1\nn:\n  lr: 0.2\n  l: [1, 2]\n")
    said += [repo.ok("status"), repo.ok("repro")]
    repo.write("params.yaml", "x: 1.0\nn:\n  lr: 0.1\n  l: [1, 2]\n")
    said += [repo.ok("repro")]  # back by the run cache; 1 equals 1.0
    (repo.root / "b.txt").unlink()
    said += [repo.ok("status"), repo.ok("repro"), repo.ok("metrics", "show"), repo.ok("metrics", "show", "--json"), repo.ok("stage", "list")]
    return said


def test_the_same_skips_and_the_same_files(pair):
    said = [build(repo) for repo in pair]
    assert said[0] == said[1]
    ours, theirs = (repo.tracked_files() for repo in pair)
    assert ours.keys() == theirs.keys()
    for name, content in theirs.items():
        assert ours[name] == content, name
    assert CLEAN in pair[0].run(DVC, "status").stdout
    assert CLEAN in pair[1].run(binary(), "status").stdout
    assert CLEAN in pair[0].run(DVC, "repro").stdout
    assert CLEAN in pair[1].run(binary(), "repro").stdout


def test_templates_foreach_and_matrix(pair):
    for repo in pair:
        repo.write("params.yaml", "x: 1\nn:\n  lr: 0.1\n  l: [1, 2]\n")
        repo.write("other.json", '{"p": {"q": 1e-05}}')
        repo.write("whole.yaml", "z: 1\na: 2\nb: null\n")
        repo.write("dvc.yaml", TEMPLATED)
        repo.ok("repro")
        assert CLEAN in repo.ok("repro")
    assert pair[0].read("dvc.lock") == pair[1].read("dvc.lock")
    runs = [sorted(p.name for p in (repo.root / ".dvc/cache/runs").rglob("*")) for repo in pair]
    assert runs[0] == runs[1]


def test_stage_add_keeps_comments(ours):
    ours.write("dvc.yaml", "# mine\nstages:\n  # first\n  a:\n    cmd: echo 1   # say\nmetrics: []\n")
    ours.ok("stage", "add", "-n", "b", "-o", "out", "echo 2 > out")
    text = "# mine\nstages:\n  # first\n  a:\n    cmd: echo 1   # say\n  b:\n    cmd: echo 2 > out\n    outs:\n    - out\nmetrics: []\n"
    assert ours.read("dvc.yaml") == text


def test_run_of_dvc_2(ours):
    ours.write("p.py", "open('out.csv', 'w').write('1')")
    said = ours.do("run", "-n", "preprocess", "-o", "out.csv", "python3", "p.py")
    assert said.returncode == 0 and "stage add -n preprocess -d p.py" in said.stderr
    assert CLEAN in ours.run(DVC, "status").stdout
    assert "run' needs the name" in ours.fails(254, "run", "-n", "x")


def test_failures(ours):
    cases = {
        "a:\n    cmd: 'false'": "failed to reproduce 'a': failed to run: false, exited with 1",
        "a:\n    cmd: echo 1\n    deps: [nope]": "failed to reproduce 'a': [Errno 2] No such file or directory:",
        "a:\n    cmd: echo 1\n    params: [p]": "failed to reproduce 'a': Parameters 'p' are missing from 'params.yaml'.",
        "a:\n    cmd: 'true'\n    outs: [o]": "failed to reproduce 'a': output 'o' does not exist",
        "a:\n    cmd: echo ${zz}": "failed to parse 'stages.a.cmd' in 'dvc.yaml': Could not find 'zz'",
        "a:\n    cmd: x\n    deps: [a]\n    outs: [a]": "Same item(s) are defined as both a dependency and an output in stage: a.",
        "a:\n    cmd: x\n    outs: [o]\n  b:\n    cmd: x\n    outs: [o/p]": "overlap and are thus in the same tracked directory.",
        "a:\n    cmd: x\n    outs: [o]\n  b:\n    cmd: x\n    outs: [o]": "output 'o' is specified in:",
        "a:\n    cmd: x\n    deps: [p]\n    outs: [o]\n  b:\n    cmd: x\n    deps: [o]\n    outs: [p]": "in stages: a, b.",
        "a:\n    cmd: x\n    zzz: 1": "extra keys not allowed, in stages -> a -> zzz",
        "a:\n    deps: [x]": "required key not provided, in stages -> a -> cmd",
    }
    for stage, expected in cases.items():
        ours.write("dvc.yaml", "stages:\n  " + stage + "\n")
        assert expected in ours.fails(255, "repro"), stage
    ours.write("dvc.yaml", "stages:\n  a:\n    cmd: echo\n")
    ours.write("dvc.lock", "schema: '3'\n")
    assert "invalid schema version, in schema" in ours.fails(255, "repro")


def test_keep_going_runs_what_does_not_depend_on_the_failure(ours):
    ours.write(
        "dvc.yaml",
        "stages:\n  bad:\n    cmd: 'false'\n    outs: [x]\n  after:\n    cmd: cp x y\n    deps: [x]\n    outs: [y]\n"
        "  good:\n    cmd: echo 1 > z\n    outs: [z]\n",
    )
    assert "failed to reproduce 'bad'" in ours.fails(255, "repro", "-k")
    assert (ours.root / "z").exists() and not (ours.root / "y").exists()


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_a_stage_run_is_told_to_the_server_and_to_the_clients_that_it_starts(ours, collector):
    url = f"http://127.0.0.1:{collector.server_port}"
    ours.write("params.yaml", "lr: 0.1\n")
    ours.write("in.txt", "data\n")
    command = 'cp in.txt out.txt; printf "%s %s" "$MLFLOW_TRACKING_URI" "$MLFLOW_RUN_CONTEXT" > seen.txt'
    ours.ok("stage", "add", "-n", "train", "-d", "in.txt", "-p", "lr", "-o", "out.txt", "-O", "seen.txt", command)
    ours.ok("repro", FETTLE_URL=url)
    [(path, report)] = collector.received
    assert path == "/api/fettle/v1/pipeline-runs"
    assert report["stage"] == "train" and report["ended_at_ms"] >= report["started_at_ms"]
    assert report["inputs"] == [{"path": "in.txt", "hash": "md5:6137cde4893c59f76f005a8123d8e8e6", "size_bytes": 5}]
    assert {out["path"] for out in report["outputs"]} == {"out.txt", "seen.txt"}
    assert report["params"] == {"params.yaml:lr": 0.1}
    uri, context = ours.read("seen.txt").split(" ", 1)
    assert uri == url
    assert json.loads(context) == {"fettle.pipeline_run": report["id"], "fettle.stage": "train"}


def test_a_server_that_is_away_does_not_matter(ours):
    ours.ok("stage", "add", "-n", "a", "-o", "o", "echo 1 > o")
    ours.ok("repro", FETTLE_URL="http://127.0.0.1:9")
