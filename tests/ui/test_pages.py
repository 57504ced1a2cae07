"""Each page shows what the API says, in a real browser."""

import re

import pytest
from playwright.sync_api import expect
from small_loop import DATA, ENDPOINT, MODEL, MONITOR, MONTHS, PIPELINE_RUN


def go(page, path: str) -> None:
    page.goto(f"/ui{path}")


def heading(page):
    return page.get_by_role("heading", level=1)


def test_home_tells_what_needs_attention(page, loop):
    go(page, "/")
    expect(heading(page)).to_have_text("Home")
    expect(page.get_by_role("table", name="endpoints")).to_contain_text(ENDPOINT)
    firing = loop.get("/alerts", state="firing")["items"]
    assert firing, "the temperature has left the training range"
    expect(page.get_by_text(f"Needs attention ({len(firing)})")).to_be_visible()
    expect(page.get_by_label(f"{len(firing)} firing")).to_be_visible()


def test_runs_table_filters_and_compares(page, loop):
    go(page, "/runs")
    table = page.get_by_role("table", name="runs", exact=True)
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(
        page.get_by_role("img", name=re.compile("parallel coordinates of 3 runs"))
    ).to_be_visible()
    page.get_by_label("filter of runs").fill("params.months = '2'")
    page.keyboard.press("Enter")
    expect(table.locator("tbody tr")).to_have_count(1)
    assert "q=" in page.url
    page.reload()
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(table).to_contain_text("train-1")


def test_a_bad_filter_says_what_is_wrong(page, problems):
    go(page, "/runs?q=metrics.auc%20%3E%3E%202")
    expect(page.get_by_role("alert")).to_be_visible()
    problems.expect("400")


def test_selected_runs_stay_selected_in_the_link(page, loop):
    go(page, "/runs")
    page.get_by_label("select train-1").check()
    page.get_by_label("select train-2").check()
    expect(page.get_by_text("Comparison of the 2 selected")).to_be_visible()
    page.reload()
    expect(page.get_by_label("select train-2")).to_be_checked()


def test_run_shows_metrics_curves_and_artifacts(page, loop):
    go(page, f"/runs/{loop.runs['1']}")
    expect(heading(page)).to_have_text("train-1")
    expect(page.get_by_text("lbfgs")).to_be_visible()
    expect(page.get_by_role("img", name="loss")).to_be_visible()
    expect(page.get_by_role("link", name=f"{MODEL} v1")).to_be_visible()
    page.get_by_role("link", name="Artifacts").click()
    page.get_by_role("button", name=re.compile("holdout.csv")).click()
    expect(page.get_by_text("temp,hour,carrier,label")).to_be_visible()


def test_models_and_versions_with_lineage(page, loop):
    go(page, "/models")
    page.get_by_role("link", name=MODEL, exact=True).click()
    versions = page.get_by_role("table", name="versions", exact=True)
    expect(versions.locator("tbody tr")).to_have_count(3)
    expect(versions).to_contain_text("@champion")
    versions.get_by_role("link", name="v2").click()
    expect(heading(page)).to_have_text(f"{MODEL} v2")
    graph = page.get_by_role("group", name=re.compile("lineage graph"))
    expect(graph).to_contain_text("train-2")


def test_gate_report(page, loop):
    go(page, f"/gates/{loop.report}")
    report = loop.get(f"/gate-reports/{loop.report}")
    expect(page.get_by_text(report["reason"])).to_be_visible()
    expect(page.get_by_role("table", name="checks").locator("tbody tr")).to_have_count(
        len(report["checks"])
    )
    markdown = page.request.get(page.get_by_role("link", name="Markdown").get_attribute("href"))
    assert markdown.ok and report["model"] in markdown.text()


def test_endpoint_shows_split_and_rollout_history(page, loop):
    go(page, f"/endpoints/{ENDPOINT}")
    expect(page.get_by_role("img", name=re.compile("version 2 100 %")).first).to_be_visible()
    rollouts = page.get_by_role("table", name="rollouts", exact=True)
    expect(rollouts.locator("tbody tr")).to_have_count(2)
    expect(rollouts).to_contain_text("rolled back")
    expect(rollouts).to_contain_text("gate overridden")
    revisions = loop.get(f"/endpoints/{ENDPOINT}/revisions")["items"]
    expect(page.locator(".timeline > li")).to_have_count(min(30, len(revisions)))


def test_rolled_back_rollout_says_why(page, loop):
    go(page, f"/rollouts/{loop.planted}")
    rollout = loop.get(f"/rollouts/{loop.planted}")
    expect(page.get_by_text("planted: does the canary find it?").first).to_be_visible()
    expect(page.get_by_text(f"{rollout['candidate_rows']:,}", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    page.get_by_role("button", name="what it saw").first.click()
    expect(page.locator("pre").first).to_be_visible()


def test_heat_map_cell_equals_the_api_and_opens_the_distributions(page, loop):
    go(page, f"/monitoring/{MONITOR}")
    windows = {window["id"]: window for window in loop.get(f"/monitors/{MONITOR}/windows")["items"]}
    last = windows[MONTHS[4]]
    scores = {feature["name"]: feature for feature in last["features"]}
    assert scores["temp"]["drifted"]
    assert (
        not windows[MONTHS[0]]["features"][0]["drifted"]
        or windows[MONTHS[0]]["features"][0]["name"] != "hour"
    )
    cell = page.get_by_role("button", name=re.compile(f"^temp in {MONTHS[4]}:.*drifted"))
    expect(cell).to_be_visible()
    shown = float(cell.inner_text())
    assert shown == pytest.approx(scores["temp"]["score"], rel=0.06)
    cell.click()
    expect(
        page.get_by_role("img", name=f"distribution of temp: training against {MONTHS[4]}")
    ).to_be_visible()
    detail = loop.get(f"/monitors/{MONITOR}/windows/{MONTHS[4]}/features/temp")
    twin = page.get_by_role("table", name=f"distribution of temp: training against {MONTHS[4]}")
    expect(twin.locator("tbody tr")).to_have_count(len(detail["bins"]))
    assert "feature=temp" in page.url
    page.reload()
    expect(page.get_by_role("heading", name=f"temp in {MONTHS[4]}")).to_be_visible()


def test_quality_over_windows(page, loop):
    go(page, f"/monitoring/{MONITOR}")
    expect(page.get_by_role("img", name="AUC over windows")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^calibration in"))).to_be_visible()


def test_alert_page_and_acknowledge(page, loop):
    go(page, "/alerts/late-drift")
    alert = loop.get("/alerts/late-drift")
    assert alert["state"] == "firing"
    expect(page.locator(".timeline > li")).to_have_count(len(alert["transitions"]))
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_label(re.compile("Reason")).fill("summer")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("ui: summer")).to_be_visible()
    assert loop.get("/alerts/late-drift")["acknowledged"]["by"] == "ui"


def test_retraining_timeline_and_decisions(page, loop):
    go(page, "/retraining")
    expect(heading(page)).to_have_text("Retraining")
    blocked = loop.get("/decisions", kind="retrain", verdict="block")["items"]
    assert blocked, "drift fires, and there are too few labels"
    entry = page.locator(".timeline > li").first
    expect(entry).to_contain_text("not started")
    expect(entry).to_contain_text(blocked[0]["reason"])
    page.get_by_role("link", name="Policies").click()
    expect(page.get_by_text("new labels, 1,000,000 needed")).to_be_visible()
    page.get_by_role("link", name="Decisions").click()
    decisions = loop.get("/decisions", kind="rollout")["items"]
    assert decisions
    table = page.get_by_role("table", name="decisions")
    expect(table).to_contain_text("rollout")
    table.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="What it saw")).to_be_visible()


def test_predictions_lead_to_one_prediction_and_its_lineage(page, loop):
    go(page, f"/endpoints/{ENDPOINT}?tab=predictions")
    table = page.get_by_role("table", name="predictions")
    table.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Answer and truth")).to_be_visible()
    expect(page.get_by_text("carrier")).to_be_visible()
    graph = page.get_by_role("group", name=re.compile("lineage graph"))
    expect(graph).to_contain_text("model version")


def test_lineage_page_as_graph_and_list(page, loop):
    go(page, "/lineage")
    page.get_by_label("id").fill(f"{MODEL}@champion")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("group", name=re.compile("lineage graph"))).to_contain_text(f"{MODEL}")
    page.get_by_role("button", name="List").click()
    expect(page.get_by_role("table", name="lineage")).to_contain_text("endpoint revision")


def test_job_log(page, loop):
    go(page, f"/jobs/{loop.job}")
    expect(page.get_by_text("hello from a job", exact=True)).to_be_visible()
    expect(page.get_by_text("succeeded").first).to_be_visible()


def test_resources(page, loop):
    go(page, "/resources")
    page.get_by_role("table", name="resources").get_by_role("link", name=MONITOR).click()
    expect(page.get_by_text("window: month")).to_be_visible()


def test_from_the_data_to_what_it_made(page, loop):
    go(page, f"/pipelines/runs/{PIPELINE_RUN}")
    expect(heading(page)).to_have_text("Stage train")
    page.get_by_role("table", name="inputs").get_by_role("link").click()
    graph = page.get_by_role("group", name=re.compile("lineage graph"))
    expect(graph).to_contain_text("train-1")
    assert DATA.removeprefix("md5:") in page.url
