"""The documents say what the binary says, and their links lead somewhere."""

import re
import subprocess
from pathlib import Path

import pytest
from server import FETTLE, ROOT, clean_environment


def fettle(*arguments: str) -> str:
    return subprocess.run([FETTLE, *arguments], capture_output=True, text=True, env=clean_environment(FETTLE_ONNXRUNTIME="")).stdout


def cells(text: str) -> list[list[str]]:
    """The rows of every table, without their code marks."""
    return [[cell.strip().replace("\\|", "|").strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_every_key_of_the_configuration_is_in_its_document():
    documented = {row[0]: row for row in cells((ROOT / "docs/config.md").read_text()) if "." in row[0]}
    meanings = dict(re.findall(r"^  (\w+\.\w+) +(.+)$", fettle("server", "--help"), re.M))
    rows = [line.split("\t") for line in fettle("server", "config").splitlines()]
    assert len(rows) > 15
    wrong = []
    for key, value, _ in rows:
        expected = [key, f"FETTLE_{key.upper().replace('.', '_')}", value or "none", meanings[key]]
        if documented.pop(key, None) != expected:
            wrong.append("| `{}` | `{}` | `{}` | {} |".format(*expected))
    assert not wrong and not documented, "docs/config.md needs these rows:\n" + "\n".join(wrong) + f"\nand not these: {sorted(documented)}"


def test_every_verb_is_in_its_document():
    text = (ROOT / "docs/cli.md").read_text()
    overview = fettle("--help")
    own = [verb for verb, _ in re.findall(r"^  (\S+(?: \S+)?)  +(\S.*)$", overview, re.M)]
    assert len(own) > 30
    documented = [row[0] for row in cells(text)]
    missing = [verb for verb in own if not any(usage == verb or usage.startswith(verb + " ") for usage in documented)]
    dvc = overview.split("(`alias dvc=fettle`):")[1].split()
    missing += [word for word in dvc if not re.search(rf"`(\w+ )?{word}( \w+)?`", text)]
    assert not missing, f"docs/cli.md has no {missing}"


@pytest.mark.parametrize("path", sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("bench/*.md")]))
def test_links_and_source_files_that_are_named_exist(path):
    text = (ROOT / path).read_text()
    place = (ROOT / path).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "://" not in link]
    named = re.findall(r"`(src/[\w/]+\.\w+|tests/[\w/]+\.\w+|bench/\w+/\w+)`", text)
    lost = [link for link in links if not (place / link).exists()] + [name for name in named if not (ROOT / name).exists()]
    assert not lost, f"{path} names {lost}"


def test_the_first_words_of_the_readme_are_the_commands_that_exist():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    for command in re.findall(r"`?make (\w[\w-]*)`?", (ROOT / "README.md").read_text()):
        assert command in targets, command
    assert Path(ROOT / "LICENSE").exists()
