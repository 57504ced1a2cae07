"""Data versions: what Fettle writes is byte for byte what dvc 3.67 writes, and each reads the other's."""

import os
import signal
import subprocess
import time

from repo import DVC, Repo, binary

CLEAN = "Data and pipelines are up to date."


def fill(repo: Repo) -> None:
    repo.write("data/a", "1\n")
    repo.write("data/s/b", "2\n")
    repo.write("data/crlf", "x\r\ny")
    repo.write("data/empty", "")
    repo.write("data/é ü", "3\n")
    repo.write("f.csv", "f\n")
    repo.write("sub/g.bin", "g\n")
    repo.write("#x[1].txt", "special\n")


def test_the_same_bytes_as_dvc(pair):
    for repo in pair:
        fill(repo)
        repo.ok("add", "data", "f.csv", "#x[1].txt")
        repo.ok("add", "g.bin", cwd="sub")
        repo.write("data/new", "more\n")
        repo.ok("add", "data/new")
        repo.ok("remote", "add", "-d", "origin", "../store")
        repo.ok("config", "core.autostage", "false")
    ours, theirs = (repo.tracked_files() for repo in pair)
    assert ours.keys() == theirs.keys()
    for name, content in theirs.items():
        assert ours[name] == content, name


def test_each_finds_the_others_work_clean(pair):
    ours, theirs = pair
    for repo in pair:
        fill(repo)
        repo.ok("add", "data", "f.csv", "sub/g.bin")
    assert CLEAN in ours.run(DVC, "status").stdout
    assert CLEAN in theirs.run(binary(), "status").stdout


def test_status_says_what_dvc_says(pair):
    outputs = []
    for repo in pair:
        fill(repo)
        repo.ok("add", "data", "f.csv", "sub/g.bin")
        repo.write("data/c", "3\n")
        (repo.root / "f.csv").unlink()
        said = [repo.ok("status"), repo.ok("status", "--json"), repo.ok("status", cwd="sub")]
        said.append(str(repo.do("status", "-q").returncode))
        outputs.append(said)
    assert outputs[0] == outputs[1]


def test_push_pull_and_checkout_through_a_directory(pair, tmp_path):
    ours, theirs = pair
    fill(ours)
    ours.ok("add", "data", "f.csv")
    before = ours.tracked_files()
    ours.ok("remote", "add", "-d", "store", str(tmp_path / "store"))
    assert "7 files pushed" in ours.ok("push")
    assert "Everything is up to date." in ours.ok("push")
    assert "in sync" in ours.run(DVC, "status", "-c").stdout
    for victim in ("data", "f.csv", ".dvc/cache"):
        subprocess.run(["rm", "-rf", str(ours.root / victim)], check=True)
    assert "7 files fetched and 2 files added" in ours.ok("pull")
    after = ours.tracked_files()
    assert {n: c for n, c in after.items() if n != ".dvc/config"} == {n: c for n, c in before.items() if n != ".dvc/config"}
    assert CLEAN in ours.run(DVC, "status").stdout


def test_checkout_of_an_old_commit_brings_old_bytes_back(ours):
    ours.write("d/x", "one\n")
    ours.ok("add", "d")
    ours.git("add", ".")
    ours.git("commit", "-qm", "1")
    ours.write("d/x", "two\n")
    ours.write("d/y", "new\n")
    ours.ok("add", "d")
    ours.git("commit", "-qam", "2")
    ours.git("checkout", "-q", "HEAD~1")
    assert "M       d/" in ours.ok("checkout")
    assert ours.read("d/x") == "one\n" and not (ours.root / "d/y").exists()


def test_comments_of_a_dvc_file_survive(ours):
    ours.write("f", "1\n")
    ours.ok("add", "f")
    text = ours.read("f.dvc")
    ours.write("f.dvc", "# kept\n" + text.replace("hash: md5", "hash: md5  # why") + "desc: 'mine'\n")
    ours.write("f", "22\n")
    ours.ok("add", "f")
    assert ours.read("f.dvc").startswith("# kept\n") and "hash: md5  # why" in ours.read("f.dvc")
    assert "desc: 'mine'" in ours.read("f.dvc") and "size: 3" in ours.read("f.dvc")
    assert CLEAN in ours.run(DVC, "status").stdout


def test_link_types(ours):
    ours.ok("config", "cache.type", "hardlink,symlink")
    ours.write("d/x", "one\n")
    ours.ok("add", "d")
    assert os.stat(ours.root / "d/x").st_nlink == 2
    assert CLEAN in ours.run(DVC, "status").stdout
    ours.ok("unprotect", "d")
    assert os.stat(ours.root / "d/x").st_nlink == 1


def test_unsaved_files_are_not_lost(ours):
    ours.write("d/x", "one\n")
    ours.ok("add", "d")
    ours.write("d/extra", "only here\n")
    assert "unsaved files" in ours.fails(255, "checkout")
    assert ours.read("d/extra") == "only here\n"
    ours.ok("checkout", "-f")
    assert not (ours.root / "d/extra").exists()


def test_missing_and_damaged_objects(ours):
    ours.write("f", "content\n")
    ours.ok("add", "f")
    [cached] = [p for p in (ours.root / ".dvc/cache/files/md5").rglob("*") if p.is_file()]
    (ours.root / "f").unlink()
    cached.chmod(0o644)
    cached.write_text("damaged\n")
    cached.chmod(0o444)
    assert "damaged" in ours.fails(255, "checkout")
    assert not (ours.root / "f").exists()
    assert "Checkout failed for following targets:\nf\n" in ours.fails(255, "checkout")


def test_bad_input_is_refused_as_dvc_refuses_it(ours):
    assert "invalid choice: 'remote zz'" in ours.fails(254, "remote", "zz")
    assert "unrecognized arguments: --zz" in ours.fails(254, "status", "--zz")
    assert "output 'nope' does not exist: [Errno 2]" in ours.fails(1, "add", "nope")
    assert "already exists" not in ours.fails(1, "init") and "'.dvc' exists" in ours.fails(1, "init")
    ours.fails(255, "checkout", "nope")
    ours.fails(1, "status", "nope")
    assert "remote 'nope' doesn't exist" in ours.fails(1, "push", "-r", "nope")
    assert "extra keys not allowed @ data['core']['zzz']" in ours.fails(251, "config", "core.zzz", "1")
    ours.write("d/.dvcignore", "x")
    assert ".dvcignore file should not be in collected dir path" in ours.fails(255, "add", "d")
    ours.write("git.txt", "x")
    ours.git("add", "git.txt")
    assert "is already tracked by SCM" in ours.fails(1, "add", "git.txt")
    os.mkdir(ours.root / "odd")
    with open(os.fsencode(str(ours.root / "odd")) + b"/\xff", "w"):
        pass
    assert "\\xff" in ours.fails(1, "add", "odd")
    outside = ours.root.parent / "plain"
    outside.mkdir()
    assert "not inside of a DVC repository" in ours.run(ours.tool, "status", cwd="../plain").stderr
    assert ours.run(ours.tool, "status", cwd="../plain").returncode == 253


def test_bad_dvc_files_are_refused_with_the_place(ours):
    cases = {
        "zzz: 1\n": "extra keys not allowed, in zzz",
        "outs:\n- path: f\n  hash: md5\n  md5: ../../x\n": "not a valid value, in outs -> 0 -> md5",
        "outs:\n- hash: md5\n": "required key not provided, in outs -> 0 -> path",
        "outs:\n- path: f\n  md5: x\n  md5: y\n": 'Found duplicate key "md5" with value "y" (original value: "x"), in line 4, column 3',
        "outs: [a\n- b": "is invalid.",
        "<<<<<<< HEAD\n": "expected a dictionary.",
        "outs:\n- path: ../x\n": "output '../x' is outside of the repository",
        "outs:\n- path: .git/config\n": "is ignored",
        "a: " + "[" * 5000: "is invalid.",
    }
    for text, expected in cases.items():
        ours.write("f.dvc", text)
        assert expected in ours.fails(1, "status"), text
    ours.write("f.dvc", "")
    ours.ok("status")


def test_a_directory_object_that_leaves_its_directory_is_refused(ours, tmp_path):
    import hashlib

    for path in ("../evil", "/tmp/evil", "a/../../evil", ".git/hooks/x", "x/.dvc/y", ""):
        listing = '[{"md5": "b026324c6904b2a9cb4b88d6d61c81d1", "relpath": "%s"}]' % path
        oid = hashlib.md5(listing.encode()).hexdigest()
        for name, content in ((oid + ".dir", listing), ("b026324c6904b2a9cb4b88d6d61c81d1", "1\n")):
            target = ours.root / ".dvc/cache/files/md5" / name[:2] / name[2:]
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.write_text(content)
                target.chmod(0o444)
        ours.write("d.dvc", f"outs:\n- md5: {oid}.dir\n  hash: md5\n  path: d\n")
        assert "is malformed" in ours.fails(255, "checkout"), path
    assert not (ours.root / "evil").exists() and not (ours.root.parent / "evil").exists()


def test_kill_during_add_leaves_the_repository_as_it_was(ours):
    for i in range(300):
        ours.write(f"big/{i}", f"{i}\n" * 2000)
    survived = 0
    for delay_ms in (1, 3, 6, 10, 15, 25, 40):
        process = subprocess.Popen([ours.tool, "add", "big"], cwd=ours.root, env=ours.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay_ms / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        survived += (ours.root / "big.dvc").exists()
        if (ours.root / "big.dvc").exists():
            assert CLEAN in ours.ok("status")
            (ours.root / "big.dvc").unlink()
    ours.ok("add", "big")
    assert CLEAN in ours.run(DVC, "status").stdout
    assert len(list((ours.root / "big").iterdir())) == 300
    for cached in (ours.root / ".dvc/cache/files/md5").rglob("*"):
        assert not cached.is_file() or cached.stat().st_mode & 0o777 == 0o444, cached


def test_the_lock_is_shared_with_dvc(ours):
    import fcntl

    ours.write("f", "1\n")
    with open(ours.root / ".dvc/tmp/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert "Unable to acquire lock" in ours.fails(255, "add", "f")
    ours.ok("add", "f")
