"""Step 6: what happened, as a table, and where one late prediction came from."""

from datetime import UTC, datetime

from loop.repository import run
from loop.rest import Refused, weights_of
from loop.story import number
from loop.traffic import ENDPOINT

MODEL = "flights-delay"
MONITOR = "flights-monthly"
CAUSES = {"data", "pipeline_run", "run", "model_version", "endpoint_revision", "prediction"}
EFFECTS = {"label", "window"}
HEADER = [
    "month",
    "flights",
    "drift of temp",
    "drifted",
    "late",
    "predicted",
    "AUC",
    "log loss",
    "calibration error",
    "champion",
    "events",
]


def tell(loop) -> None:
    loop.story.step(6, "what happened")
    windows = [
        window
        for window in loop.rest.get(f"/monitors/{MONITOR}/windows", limit=1000)["items"]
        if window["id"] in loop.sent
    ]
    table(loop, windows)
    tell_costs(loop)
    check_volume(loop, windows)
    if loop.options.stationary:
        check_quiet(loop)
    else:
        check_recovery(loop, {window["id"]: window["metrics"] for window in windows})
    check_notified(loop)
    check_registry(loop)
    lineage(loop)


def feature(window: dict, name: str) -> dict:
    return next((found for found in window["features"] if found["name"] == name), {})


def champion(window: dict) -> str:
    """The version that answered most rows of the window."""
    return (
        max(window["versions"], key=lambda version: version["rows"])["version"]
        if window["versions"]
        else "-"
    )


def alert_transitions(loop) -> list[dict]:
    """All changes of alerts to or from firing, oldest first."""
    changes = []
    for alert in loop.rest.items("/alerts"):
        for change in loop.rest.get(f"/alerts/{alert['name']}")["transitions"]:
            if change["to"] in ("firing", "resolved"):
                changes.append(change | {"name": alert["name"]})
    return sorted(changes, key=lambda change: (change["at_ms"], change["window"]))


def events(loop) -> dict[str, list[str]]:
    """By month: alerts by their window, retrainings by the one they were judged on, the planted
    rollout by its month.
    """
    found: dict[str, list[str]] = {}
    for change in alert_transitions(loop):
        found.setdefault(change["window"], []).append(f"{change['name']} {change['to']}")
    for retraining in loop.rest.items("/retraining/runs"):
        if retraining["window"]:
            found.setdefault(retraining["window"], []).append(
                f"retrained: version {retraining['candidate']} {retraining['state']}"
            )
    if loop.planted:
        rollout = loop.rest.get(f"/rollouts/{loop.planted.rollout}")
        found.setdefault(loop.planted.month, []).append(
            f"planted version {loop.planted.version} {rollout['state']}"
        )
    return found


def table(loop, windows: list[dict]) -> None:
    happened = events(loop)
    rows = []
    for window in windows:
        metrics = window["metrics"]
        quality = [
            number(metrics.get("label_rate")),
            number(metrics.get("score_mean")),
            number(metrics.get("auc"), 3),
        ]
        quality += [
            number(metrics.get("log_loss")),
            number(metrics.get("calibration_error"), 3),
            champion(window),
        ]
        drift = [
            number(feature(window, "temp").get("score")),
            number(metrics.get("drifted_features"), 0),
        ]
        rows.append(
            [
                window["id"],
                number(int(metrics["rows"])),
                *drift,
                *quality,
                "; ".join(happened.get(window["id"], [])),
            ]
        )
    loop.story.table(HEADER, rows)


def tell_costs(loop) -> None:
    """What each retraining cost and brought."""
    for found in loop.rest.items("/retraining/runs"):
        cost, gain = found["cost"], found["gain"] or {}
        seconds = [
            number(cost[name] / 1000, 1) if cost[name] else "-" for name in ("wall_ms", "cpu_ms")
        ]
        loop.story.say(
            f"retraining for alert {found['alert']}: {found['state']}; cost {seconds[0]} s, of CPU "
            f"{seconds[1]} s, on {number(cost['training_rows'])} rows; gain in "
            f"{gain.get('metric', '-')} "
            f"{number(gain.get('champion'), 3)} -> {number(gain.get('candidate'), 3)}"
        )


def check_volume(loop, windows: list[dict]) -> None:
    counted = {window["id"]: int(window["metrics"]["rows"]) for window in windows}
    wrong = [
        f"{month}: {counted.get(month, 0)} of {rows}"
        for month, rows in loop.sent.items()
        if counted.get(month) != rows
    ]
    seen = ", ".join(wrong) or f"{sum(counted.values()):,} flights in {len(counted)} windows"
    loop.checks.expect(not wrong, "every flight sent is in its month's window", seen)
    status = loop.rest.get("/labels/status", endpoint=ENDPOINT)
    enough = status["coverage"] is not None and status["coverage"] > 0.95
    loop.checks.expect(
        enough, "labels joined", f"{status['labelled']:,} of {status['predictions']:,} predictions"
    )


def check_quiet(loop) -> None:
    fired = [change["name"] for change in alert_transitions(loop) if change["to"] == "firing"]
    loop.checks.expect(
        not fired, "no alert on stationary data", f"{len(fired)} fired {', '.join(fired)}"
    )
    retrainings = loop.rest.get("/retraining/runs")["total"]
    loop.checks.expect(
        retrainings == 0, "no retraining on stationary data", f"{retrainings} retrainings"
    )


def check_notified(loop) -> None:
    """Each alert that fired was told to the on-call tool by the webhook."""
    fired = {change["name"] for change in alert_transitions(loop) if change["to"] == "firing"}
    told = {name for name, status in loop.receiver.notified() if status == "firing"}
    loop.checks.expect(
        fired == told, "the webhook told of what fired", ", ".join(sorted(told)) or "nothing"
    )


def check_recovery(loop, metrics: dict[str, dict]) -> None:
    checks, rest = loop.checks, loop.rest
    fired = [change for change in alert_transitions(loop) if change["to"] == "firing"]
    first = {
        name: min((change["at_ms"] for change in fired if change["name"] == name), default=None)
        for name in ("flights-drift", "flights-quality")
    }
    drift, quality = first["flights-drift"], first["flights-quality"]
    in_order = drift is not None and quality is not None and drift <= quality
    checks.expect(
        in_order,
        "drift fires, then quality",
        ", ".join(f"{change['name']} on {change['window']}" for change in fired) or "nothing fired",
    )
    runs = [
        found
        for found in rest.items("/retraining/runs")
        if found["state"] == "succeeded" and found["alert"]
    ]
    if not checks.expect(
        bool(runs),
        "a retraining on its own cause reached 100 %",
        ", ".join(f"{found['alert']}: version {found['candidate']}" for found in runs) or "none",
    ):
        return
    steps = weights_of(rest.get(f"/rollouts/{runs[-1]['rollout']}"))
    checks.expect(
        steps == [10, 50, 100],
        "its canary went step by step",
        " -> ".join(f"{weight:g} %" for weight in steps),
    )
    judged = runs[-1]["window"]
    after = [month for month in metrics if month > judged][1:4]
    worst = metrics.get(judged, {}).get("log_loss")
    losses = [metrics[month].get("log_loss") for month in after]
    known = worst is not None and losses and all(isinstance(loss, float) for loss in losses)
    recovered = bool(known) and all(loss < worst for loss in losses)
    seen = f"log loss {number(worst)} in {judged}, " + ", ".join(
        f"{number(loss)} in {month}" for month, loss in zip(after, losses, strict=True)
    )
    checks.expect(recovered, "measured quality recovers", seen)


def check_registry(loop) -> None:
    versions = loop.mlflow.search_model_versions(f"name = '{MODEL}'")
    held = loop.mlflow.get_model_version_by_alias(MODEL, "champion").version
    known = sorted(int(version.version) for version in versions)
    planted = loop.planted.version if loop.planted else None
    expected = str(max(version for version in known if str(version) != planted))
    seen = f"versions {', '.join(map(str, known))}; champion is version {held}" + (
        f", planted was {planted}" if planted else ""
    )
    loop.checks.expect(held == expected, "all versions are kept and the best is champion", seen)


def lineage(loop) -> None:
    """`fettle lineage` of one late flight of the last labelled month."""
    month = list(loop.sent)[-1]
    start = int(
        datetime.fromisoformat(f"{month}-01T00:00:00").replace(tzinfo=UTC).timestamp() * 1000
    )
    listed = loop.rest.get(
        f"/endpoints/{ENDPOINT}/predictions", from_ms=start, labelled="true", limit=200
    )["items"]
    late = [found for found in listed if label_of(found) == "1"]
    if not loop.checks.expect(
        bool(late),
        "a late flight is found among the predictions",
        f"{len(late)} of the last {len(listed)}",
    ):
        return
    identity = f"prediction/{late[0]['prediction_id']}"
    try:
        kinds = {
            node["kind"] for node in loop.rest.get("/lineage", id=identity, up=20, down=2)["nodes"]
        }
    except Refused as refused:
        loop.checks.expect(False, "lineage reaches from data to label", str(refused))
        return
    missing = (CAUSES | EFFECTS) - kinds
    loop.checks.expect(
        not missing,
        "lineage reaches from data to label",
        f"{identity}" + (f" lacks {', '.join(sorted(missing))}" if missing else ""),
    )
    print(f"\n$ fettle lineage {identity}", flush=True)
    print(
        run([str(loop.options.fettle), "lineage", identity], loop.environment, loop.options.folder),
        flush=True,
    )


def label_of(prediction: dict) -> str | None:
    label = prediction.get("label")
    return str(label["value"] if isinstance(label, dict) else label) if label is not None else None
