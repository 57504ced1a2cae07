"""The filter grammar of runs, ordering and paging."""

import math

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(f"search {request.node.name}")


def make(client, experiment, name, *, start=1000, metrics=None, params=None, tags=None):
    run = client.create_run(experiment, start_time=start, run_name=name)
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(k, v, 1, 0) for k, v in (metrics or {}).items()],
        params=[Param(k, v) for k, v in (params or {}).items()],
        tags=[RunTag(k, v) for k, v in (tags or {}).items()],
    )
    return run.info.run_id


def names(client, experiment, text="", **options):
    return [run.info.run_name for run in client.search_runs([experiment], text, **options)]


def test_filters(client, experiment):
    make(client, experiment, "a", start=1, metrics={"auc": 0.7, "odd key/x": 1}, params={"model": "xgb"}, tags={"team": "Ops"})
    make(client, experiment, "b", start=2, metrics={"auc": 0.8}, params={"model": "Linear"}, tags={"team": "ml"})
    make(client, experiment, "c", start=3, metrics={"auc": math.nan})
    cases = {
        "metrics.auc > 0.75": ["b"],
        "metrics.auc >= 0.7 and metrics.auc < 0.8": ["a"],
        "metrics.auc != 0.7": ["c", "b"],
        "metrics.`odd key/x` = 1": ["a"],
        'metrics."odd key/x" = 1.0e0': ["a"],
        "params.model = 'xgb'": ["a"],
        "params.model != 'xgb'": ["b"],
        "params.model LIKE 'lin%'": [],
        "params.model ILIKE 'lin%'": ["b"],
        "params.model IS NULL": ["c"],
        "params.model IS NOT NULL": ["b", "a"],
        "tags.team = 'Ops' AND params.model = 'xgb'": ["a"],
        "tags.mlflow.runName = 'b'": ["b"],
        "attributes.run_name LIKE '%'": ["c", "b", "a"],
        "run_name = 'c'": ["c"],
        "`Run name` = 'c'": ["c"],
        "attributes.start_time > 1": ["c", "b"],
        "status = 'RUNNING'": ["c", "b", "a"],
        "status = 'FINISHED'": [],
        "": ["c", "b", "a"],
    }
    for text, expected in cases.items():
        assert names(client, experiment, text) == expected, text
    first = client.search_runs([experiment], "run_name = 'a'")[0].info.run_id
    assert names(client, experiment, f"run_id IN ('{first}')") == ["a"]
    assert names(client, experiment, f"attributes.run_id NOT IN ('{first}')") == ["c", "b"]


def test_order(client, experiment):
    make(client, experiment, "low", start=1, metrics={"m": 1}, params={"p": "x"})
    make(client, experiment, "high", start=2, metrics={"m": 2}, params={"p": "a"})
    make(client, experiment, "nan", start=3, metrics={"m": math.nan})
    make(client, experiment, "none", start=4)
    assert names(client, experiment, order_by=["metrics.m ASC"]) == ["low", "high", "nan", "none"]
    assert names(client, experiment, order_by=["metrics.m DESC"]) == ["high", "low", "nan", "none"]
    assert names(client, experiment, order_by=["params.p"]) == ["high", "low", "none", "nan"]
    assert names(client, experiment, order_by=["attributes.start_time ASC"]) == ["low", "high", "nan", "none"]
    assert names(client, experiment, order_by=["run_name DESC"]) == ["none", "nan", "low", "high"]


@pytest.mark.parametrize("order", [[], ["metrics.m DESC"], ["params.p", "metrics.m"], ["tags.t DESC", "start_time"]])
def test_pages_equal_the_whole_even_while_runs_arrive(client, experiment, order):
    for i in range(23):
        make(
            client,
            experiment,
            f"r{i}",
            start=100 + i // 3,
            metrics={"m": i % 4} if i % 5 else None,
            params={"p": f"v{i % 3}"} if i % 2 else None,
            tags={"t": str(i % 6)},
        )
    whole = [run.info.run_id for run in client.search_runs([experiment], order_by=order)]
    assert len(whole) == 23
    paged, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=order, max_results=4, page_token=token)
        paged += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
        # A newer run must not shift what comes after.
        make(client, experiment, "late", start=10**6, metrics={"m": 99}, params={"p": "a"}, tags={"t": "z"})
    assert [run for run in paged if run in whole] == whole
    assert len(set(paged)) == len(paged)


@pytest.mark.parametrize(
    "text, message",
    [
        ("metrics.a > 1 OR metrics.b > 1", "Invalid clause"),
        ("metrics.a == 1", "Invalid comparator '=='"),
        ("metrics.a > '1'", "Expected numeric value type for metric. Found '1'"),
        ("params.a = 1", "Expected a quoted string value for parameter"),
        ("foo.a = 1", "Invalid entity type 'foo'"),
        ("attributes.X = 'a'", "Invalid attribute key 'X' specified"),
        ("metrics.a IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params"),
        ("user_id IN ('a')", "support comparison with a list of quoted string values"),
        (" ", "Could not be parsed"),
        ("params.a = 'open", "Invalid clause"),
        ("params.a = ('x')", "Expected a quoted string value"),
        ("(metrics.a > 1)", "Invalid clause"),
        ("metrics.a >", "Invalid clause"),
        ("; drop table runs", "Invalid clause"),
    ],
)
def test_bad_filters_are_told(client, experiment, text, message):
    with pytest.raises(MlflowException) as caught:
        client.search_runs([experiment], text)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert message in caught.value.message


def test_bad_order_and_token(client, experiment):
    with pytest.raises(MlflowException, match="Invalid ordering key in order_by clause 'start_time FOO'"):
        client.search_runs([experiment], order_by=["start_time FOO"])
    with pytest.raises(MlflowException, match="Invalid page token, could not base64-decode"):
        client.search_runs([experiment], page_token="invalid_token")
