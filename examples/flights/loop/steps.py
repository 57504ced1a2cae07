"""The seven steps of the loop. Each number that is told was read back through the public API."""

import time
from pathlib import Path

import mlflow
import pandas as pd

import make_data
from loop import closing, planted
from loop.receiver import Receiver
from loop.repository import Repository, run
from loop.rest import Rest, wait_for, weights_of
from loop.story import Checks, Story, number
from loop.traffic import ENDPOINT, Caller, post_labels

MODEL = "flights-delay"
MONITOR = "flights-monthly"
GATE = POLICY = "flights"
TRAINING_MONTHS = ["2013-01", "2013-02"]
PLANTED_MONTH = "2013-10"
RETRAINING_TIMEOUT_S = 180
DECISION_TIMEOUT_S = 5
# While a rollout runs, the caller looks up its state so often, and leaves it this time to decide.
REQUESTS_A_LOOK = 4
ROLLOUT_PAUSE_S = 0.05
RUNNING_ROLLOUT = {"pending", "loading", "progressing", "promoting", "aborting"}
RUNNING_RETRAINING = {"versioning", "training", "gating"}


def month_end_ms(month: str) -> int:
    return int((pd.Timestamp(month, tz="UTC") + pd.offsets.MonthBegin(1)).timestamp() * 1000)


class Loop:
    def __init__(
        self, options, environment: dict[str, str], url: str, story: Story, checks: Checks
    ):
        self.options, self.environment, self.url = options, environment, url
        self.story, self.checks = story, checks
        self.rest = Rest(url)
        self.mlflow = mlflow.MlflowClient(url)
        self.repository = Repository(options.folder / "repository", options.fettle, environment)
        self.months: dict[str, Path] = {}
        self.sent: dict[str, int] = {}
        self.planted: planted.Planted | None = None

    def run(self) -> None:
        here = Path(__file__).resolve().parents[1]
        self.receiver = Receiver()
        try:
            self.first_version(here / "pipeline")
            self.platform(here / "platform")
            self.year()
            closing.tell(self)
        finally:
            self.receiver.close()

    # Step 1

    def first_version(self, pipeline: Path) -> None:
        self.story.step(1, "data, pipeline, first model")
        flights = make_data.load_flights()
        if self.options.stationary:
            flights = make_data.shuffle_over_the_year(flights)
        paths = make_data.write_months(flights, self.options.folder / "source")
        self.months = {path.stem: path for path in paths}
        self.story.say(
            f"{len(flights):,} flights in {len(paths)} "
            f"months{', shuffled over the year' if self.options.stationary else ''}"
        )
        self.repository.create(pipeline)
        for month in TRAINING_MONTHS:
            self.repository.add_month(self.months[month])
        self.repository.fettle("add", "data/raw")
        self.repository.commit("Flights of January and February")
        started = time.monotonic()
        self.repository.fettle("repro")
        took = time.monotonic() - started
        commit = self.repository.commit("First model")
        version = self.mlflow.get_model_version(MODEL, "1")
        metrics = self.mlflow.get_run(version.run_id).data.metrics
        self.story.say(
            f"fettle repro: {MODEL}/1 in {took:.1f} s, run {version.run_id[:8]}, commit {commit}, "
            f"AUC {metrics['holdout_auc']:.3f} on held out flights"
        )
        runs = self.run_count()
        started = time.monotonic()
        self.repository.fettle("repro")
        again = self.run_count()
        took = (time.monotonic() - started) * 1000
        self.checks.expect(
            again == runs,
            "a second repro does nothing",
            f"{took:.0f} ms, {again} run{'s' if again != 1 else ''} in the server",
        )

    def run_count(self) -> int:
        experiments = [experiment.experiment_id for experiment in self.mlflow.search_experiments()]
        return len(self.mlflow.search_runs(experiments))

    # Step 2

    def platform(self, source: Path) -> None:
        self.story.step(2, "endpoint, contract, monitor, alerts, gate, retrain policy")
        folder = self.options.folder / "platform"
        folder.mkdir()
        places = {
            "FLIGHTS_REPOSITORY": str(self.repository.folder),
            "FLIGHTS_ON_CALL": self.receiver.url,
        }
        for document in sorted(source.glob("*.yaml")):
            text = document.read_text()
            for name, value in places.items():
                text = text.replace(name, value)
            (folder / document.name).write_text(text)
        run(
            [str(self.options.fettle), "apply", "-f", str(folder), "--yes"],
            self.environment,
            self.options.folder,
        )
        applied = self.rest.get("/resources")["total"]
        self.checks.expect(applied == 8, "fettle apply makes the platform", f"{applied} resources")
        plan = run(
            [str(self.options.fettle), "plan", "-f", str(folder), "--json"],
            self.environment,
            self.options.folder,
        )
        self.checks.expect(
            '"update": 0' in plan.replace('":0', '": 0'),
            "a second plan has nothing to change",
            "no create, no update",
        )

        version = self.mlflow.get_model_version(MODEL, "1")
        data = {
            "artifact": {"run_id": version.run_id, "path": "holdout.csv", "label_column": "label"}
        }
        report = self.rest.post(
            f"/gates/{GATE}/runs", {"candidate": f"{MODEL}/1", "data": data, "by": "demo"}
        )
        self.checks.expect(
            report["verdict"] == "pass",
            "the gate passes the first model",
            f"{report['verdict']}: {report['reason']}",
        )
        self.mlflow.set_registered_model_alias(MODEL, "champion", "1")
        endpoint = wait_for("endpoint flights serving", 30, lambda: self.serving())
        stable = endpoint["traffic"][0]
        self.checks.expect(
            stable["version"] == "1",
            "the endpoint serves the champion",
            f"{stable['model']}/{stable['version']}",
        )

    def serving(self) -> dict | None:
        endpoint = self.rest.get(f"/endpoints/{ENDPOINT}")
        return endpoint if endpoint["state"] == "serving" and endpoint["traffic"] else None

    # Steps 3 to 5

    def year(self) -> None:
        self.story.step(3, "month by month: predictions now, labels a month later")
        caller = Caller(self.url)
        months = [
            month for month in self.months if TRAINING_MONTHS[-1] < month <= self.options.until
        ]
        try:
            for before, month in zip([None, *months], months, strict=False):
                if month == PLANTED_MONTH:
                    planted.plant(self, month)
                self.send(caller, month)
                if month == PLANTED_MONTH:
                    planted.judge(self)
                self.month_ends(month, labelled=before)
            self.month_ends(None, labelled=months[-1])
        finally:
            caller.close()

    def send(self, caller: Caller, month: str) -> None:
        """All flights of the month; a rollout that is under way sees this traffic and decides on
        it.
        """
        flights = pd.read_csv(self.months[month])
        started = time.monotonic()
        rollout = None
        for sent in caller.send(flights):
            speed = sent.rows / (time.monotonic() - started)
            self.story.progress(month, sent.rows, len(flights), f"{speed:,.0f} rows/s")
            if sent.requests % REQUESTS_A_LOOK == 0 and (active := self.active_rollout()):
                rollout = active["id"]
                time.sleep(ROLLOUT_PAUSE_S)
        self.sent[month] = sent.rows
        took = time.monotonic() - started
        shares = ", ".join(
            f"{rows:,} by version {version}" for version, rows in sorted(sent.by_version.items())
        )
        self.story.say(
            f"{month}: {sent.rows:,} flights in {sent.requests} requests, {took:.1f} s ({shares})"
        )
        if rollout:
            self.tell_rollout(rollout)

    def active_rollout(self) -> dict | None:
        rollout = self.rest.get(f"/endpoints/{ENDPOINT}")["rollout"]
        if not rollout:
            return None
        found = self.rest.get(f"/rollouts/{rollout}")
        return found if found["state"] in RUNNING_ROLLOUT else None

    def tell_rollout(self, identity: str) -> None:
        found = self.rest.get(f"/rollouts/{identity}")
        weights = " -> ".join(f"{weight:g} %" for weight in weights_of(found))
        self.story.say(f"rollout of version {found['candidate']}: {weights}, {found['state']}")

    def month_ends(self, month: str | None, labelled: str | None) -> None:
        """The window of `month` closes; the truth about the month `labelled` arrives, as data and
        as labels.
        """
        if month:
            self.evaluate(month_end_ms(month))
        if labelled:
            now = month_end_ms(month) if month else month_end_ms(f"{labelled[:4]}-12")
            self.repository.add_month(self.months[labelled])
            joined = post_labels(self.rest, pd.read_csv(self.months[labelled]), now)
            self.evaluate(now)
            self.tell_window(labelled, joined)
            self.follow_retraining()

    def evaluate(self, until_ms: int) -> None:
        answer = self.rest.post(f"/monitors/{MONITOR}/evaluate", {"until_ms": until_ms})
        for change in answer["alerts"]:
            self.story.say(
                f"alert {change['name']}: {change['from']} -> {change['to']} ({change['window']})"
            )

    def window(self, month: str) -> dict:
        found = [
            window
            for window in self.rest.get(f"/monitors/{MONITOR}/windows", from_=month, to=month)[
                "items"
            ]
            if window["id"] == month
        ]
        if not found:
            raise LookupError(f"monitor {MONITOR} has no window {month}")
        return found[0]

    def tell_window(self, month: str, joined: dict[str, int]) -> None:
        metrics = self.window(month)["metrics"]
        self.story.say(
            f"labels of {month}: {joined.get('joined', 0):,} joined; late "
            f"{number(metrics.get('label_rate'))}, predicted "
            f"{number(metrics.get('score_mean'))}, AUC {number(metrics.get('auc'), 3)}, log loss "
            f"{number(metrics.get('log_loss'))}"
        )

    # Step 4

    def follow_retraining(self) -> None:
        """Waits for a retraining that the policy has started, until its candidate is judged."""
        policy = self.policy()
        wanted = policy["spec"]["on"]
        firing = [alert["name"] for alert in self.rest.items("/alerts", state="firing")]
        causes = [name for name in firing if name in wanted]
        enough = policy["new_labels"] >= policy["min_new_labels"]
        due = causes and enough and policy["circuit"] == "closed"
        running = policy["running"] or (due and self.soon_running())
        if running:
            self.tell_retraining(running)
        elif causes and not enough:
            self.story.say(
                f"{', '.join(causes)} firing; the policy waits: {policy['new_labels']:,} of "
                f"{policy['min_new_labels']:,} new labels"
            )

    def policy(self) -> dict:
        policies = self.rest.items("/retraining/policies")
        return next(policy for policy in policies if policy["name"] == POLICY)

    def soon_running(self) -> str | None:
        try:
            return wait_for("a retraining", DECISION_TIMEOUT_S, lambda: self.policy()["running"])
        except TimeoutError:
            return None

    def tell_retraining(self, identity: str) -> None:
        told = 0

        def judged() -> dict | None:
            nonlocal told
            found = self.rest.get(f"/retraining/runs/{identity}")
            for change in found["transitions"][told:]:
                self.story.say(f"retraining: {change['to']}: {change['reason']}")
            told = len(found["transitions"])
            return found if found["state"] not in RUNNING_RETRAINING else None

        found = wait_for("the end of the retraining", RETRAINING_TIMEOUT_S, judged)
        self.story.say(f"retraining caused by alert {found['alert']}: {found['state']}")
        self.repository.commit(f"Retrained: {MODEL}/{found['candidate']}")
