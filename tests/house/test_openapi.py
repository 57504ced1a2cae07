"""docs/openapi.yaml and the server's route table say the same."""

import re
import subprocess

import yaml
from server import FETTLE, ROOT

BASE = "/api/fettle/v1"
METHODS = {"get", "post", "put", "patch", "delete"}


def documented() -> set[tuple[str, str]]:
    paths = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, item in paths.items()
        for method, operation in item.items()
        if method in METHODS and operation.get("x-status") != "planned" and item.get("x-status") != "planned"
    }


def served() -> set[tuple[str, str]]:
    table = subprocess.run([FETTLE, "server", "routes"], capture_output=True, text=True, check=True).stdout
    routes = [line.split("\t") for line in table.splitlines()]
    return {
        (method, re.sub(r"\{\w+\*?\}", "{}", path.removeprefix(BASE)))
        for method, path, _ in routes
        if path.startswith(BASE)
    }


def test_every_documented_route_is_served_and_the_reverse():
    assert documented() - served() == set(), "documented, not served"
    assert served() - documented() == set(), "served, not documented"


def test_no_route_is_open_by_accident():
    table = subprocess.run([FETTLE, "server", "routes"], capture_output=True, text=True, check=True).stdout
    open_routes = {line.split("\t")[1] for line in table.splitlines() if line.endswith("\topen")}
    for path in open_routes:
        assert not path.startswith(BASE), f"{path} needs no permission"
