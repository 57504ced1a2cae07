"""The lint finds what it is for, and nothing in clean code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

CLEAN = """\
#include "jobs/clean.h"

namespace fettle::jobs {

// A comment may say new, delete, getenv and sleep_for(1).
struct Clean {
  Clean() : value_{1}, other_(2) {}
  int value_{0};
};

std::string text() { return "std::regex, system_clock::now() and new Thing"; }

}  // namespace fettle::jobs
"""


@pytest.fixture
def tidy(tmp_path):
    """Runs the lint over a repository of these files; its exit code and its violations."""

    def run(files: dict[str, str]) -> tuple[int, list[str]]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        done = subprocess.run([sys.executable, ROOT / "tools" / "tidy", "--root", tmp_path], capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, [line for line in done.stdout.splitlines() if re.match(r"\S+:\d+: (?!\d+ lines$)", line)]

    return run


def test_clean_code_passes(tidy):
    assert tidy({"src/jobs/clean.cc": CLEAN}) == (0, [])


@pytest.mark.parametrize(
    ("path", "line", "says"),
    [
        ("src/jobs/a.cc", "std::regex r;", "std::regex"),
        ("src/jobs/a.h", "#include <iostream>", "iostream"),
        ("src/jobs/a.cc", "auto* x = new Thing(1);", "make_unique"),
        ("src/jobs/a.cc", "delete thing;", "unique_ptr"),
        ("src/jobs/a.cc", "std::thread t;", "jthread"),
        ("src/jobs/a.cc", "auto t = std::chrono::system_clock::now();", "Clock"),
        ("src/jobs/a.cc", 'auto h = std::getenv("HOME");', "configuration"),
        ("src/jobs/a_test.cc", "std::this_thread::sleep_for(x);", "sleep_for"),
        ("src/jobs/a.cc", "using namespace std;", "name what you use"),
        ("src/jobs/a.cc", "co_await x;", "Responder"),
        ("src/jobs/a.cc", '#include <sqlite3.h>', "sqlite3.h"),
        ("src/http/a.h", '#include <curl/curl.h>', "curl"),
        ("src/jobs/a.cc", '#include "json/json.h"', "*_file.cc"),
        ("src/api/mlflow/a.cc", '#include "sql/database.h"', "knows no SQL"),
        ("src/jobs/a.cc", 'auto q = "select x::text from t";', "both engines"),
        ("src/jobs/a.cc", 'auto q = "select x from t where y ilike $1";', "both engines"),
        ("src/schema/0001.sql", "create table t (x serial);", "both engines"),
        ("docs/a.md", "TO" "DO: later", "leave it out"),
        ("docs/a.md", "see " + "/wo" + "rk/thing", "one machine"),
        ("src/jobs/a_test.cc", "TEST(Job, Runs) { run(); }", "expects nothing"),
        ("src/jobs/a_test.cc", "TEST(Job, DISABLED_Runs) { EXPECT_EQ(1, 1); }", "does not run"),
        ("tests/x/test_a.py", "def test_it():\n    print(1)", "expects nothing"),
        ("tests/x/test_a.py", "import pytest\n@pytest.mark.skip\ndef test_it():\n    assert True", "repair or remove"),
    ],
)
def test_each_rule_refuses_its_case(tidy, path, line, says):
    code, violations = tidy({path: line + "\n"})
    assert code == 1
    assert any(violation.startswith(path) and says in violation for violation in violations), violations


def test_what_is_allowed_passes(tidy):
    body = """\
namespace fettle {
void f() {
  using namespace std::chrono;
  unsigned n = std::thread::hardware_concurrency();
}
struct S { S(const S&) = delete; };
}
"""
    assert tidy({"src/jobs/a.cc": body}) == (0, [])


def test_a_helper_with_expectations_counts(tidy):
    code = "void check(int x) { EXPECT_EQ(x, 1); }\nTEST(A, B) { check(1); }\n"
    assert tidy({"src/jobs/a_test.cc": code}) == (0, [])


def test_long_functions_and_files_are_counted_where_they_begin(tidy):
    body = "  call();\n" * 80
    code, violations = tidy({"src/jobs/a.cc": f"namespace a {{\n\nvoid Long::f(int x) const {{\n{body}}}\n}}\n"})
    assert code == 1 and violations[-1].startswith("src/jobs/a.cc:3: a function of 82 lines"), violations
    code, violations = tidy({"src/jobs/b.cc": "int x;\n" * 601, "tests/x/test_b.py": "x = 1\n" * 700})
    assert any(line.startswith("src/jobs/b.cc:1: 601 lines") for line in violations)
    assert not any(line.startswith("tests/x/test_b.py") for line in violations)


def test_a_long_constructor_with_initialisers_is_one_function(tidy):
    body = "  call();\n" * 80
    code, violations = tidy({"src/jobs/a.cc": f"Thing::Thing(int x)\n    : a_{{1}}, b_(2) {{\n{body}}}\n"})
    assert code == 1 and any(line.startswith("src/jobs/a.cc:1: a function of 83 lines") for line in violations), violations


def test_a_metric_is_declared_in_one_place(tidy):
    line = 'auto& c = registry.counter("fettle_x_total", "X.");\n'
    code, violations = tidy({"src/jobs/a.cc": line, "src/data/b.cc": line})
    assert code == 1 and "fettle_x_total" in violations[0]
