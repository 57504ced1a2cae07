"""What is embedded: small, self-contained, pinned."""

import gzip
import json
import re
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "build" / "ui"
SCRIPT_LIMIT_BYTES = 200 * 1024
STYLE_LIMIT_BYTES = 20 * 1024


def compressed(pattern: str) -> int:
    files = list((UI / "assets").glob(pattern))
    assert files, f"no {pattern} in {UI}: build it with tools/setup/ui"
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def test_first_load_is_within_its_budget():
    assert compressed("*.js") <= SCRIPT_LIMIT_BYTES
    assert compressed("*.css") <= STYLE_LIMIT_BYTES


def test_assets_are_relative_to_the_base():
    page = (UI / "index.html").read_text()
    assert '<base href="/ui/"' in page
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.replace('<base href="/ui/"', ""))
    assert linked and all(link.startswith("./") for link in linked), linked


def test_packages_are_pinned_and_name_no_registry():
    lock = json.loads((ROOT / "ui" / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert all(package["integrity"] and "resolved" not in package for package in packages)
    own = json.loads((ROOT / "ui" / "package.json").read_text())
    versions = {**own["dependencies"], **own["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()), versions


def test_files_are_served_with_their_types_and_caching(empty_url):
    page = requests.get(f"{empty_url}/ui/", timeout=10)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    script = re.search(r'src="\./(assets/[^"]+\.js)"', page.text).group(1)
    asset = requests.get(f"{empty_url}/ui/{script}", timeout=10)
    assert "javascript" in asset.headers["content-type"]
    assert "immutable" in asset.headers["cache-control"]
    missing = requests.get(f"{empty_url}/ui/assets/none.js", timeout=10)
    assert missing.status_code == 404


def test_the_root_sends_browsers_to_the_ui_and_answers_others(empty_url):
    html = requests.get(f"{empty_url}/", headers={"accept": "text/html"}, timeout=10)
    assert html.url == f"{empty_url}/ui/"
    other = requests.get(f"{empty_url}/", headers={"accept": "application/json"}, timeout=10)
    assert other.json() == {"status": "alive"}
