"""The console with real clicks and keys: what it shows is what the server says, and it obeys its own policy."""

import json

import pytest
from conftest import TOKEN
from selenium.webdriver.common.keys import Keys

# What a screen reader would have no name for.
UNNAMED = """
    return [...document.querySelectorAll("button, input, select, textarea")].filter(node => node.checkVisibility() &&
      !node.labels?.length && !node.getAttribute("aria-label") && !node.textContent.trim())
      .map(node => node.outerHTML)"""


def served(server):
    return server.admin_get("/v1/models/kuairand").json


def test_model_shows_what_serves(page, server):
    model = served(server)
    text = page.text("#model")
    for part in ("kuairand", f"v{model['version']}", model["sha256"], str(model["tensors_used"]["count"]),
                 *model["signals"]):
        assert part in text
    page.click("#model details.card summary")
    assert len(page.all("#model details[open] tbody tr")) == len(model["tensors"])
    page.click("#model details.report summary")
    report = page.text("#model details.report")
    assert "evaluation" in report and "!" not in report  # no mark of a picture, which the page has not
    page.screenshot("model")


def test_ranking_is_the_answer_of_the_server(page, server):
    shown = page.rank()
    line = json.loads(server.admin_get("/v1/models/kuairand/warmup").json["requests"][0])
    items = server.ranked({**line, "explain": True})["items"]
    assert shown == [json.dumps(item["item"]) for item in items[:25]]
    page.click(".ranking + button")
    assert page.order() == [json.dumps(item["item"]) for item in items]
    page.click(".item summary")
    rows = page.until(lambda: page.all(".item table.terms tbody tr"), "terms")
    assert len(rows) == len(items[0]["signals"])
    assert [row.text.split()[0] for row in rows] == list(items[0]["signals"])


def test_sliders_order_as_the_server_would(page, server):
    before = page.rank()
    asked = server.admin_get("/metrics").body.decode().count("\n")
    page.type("input[aria-label='Weight of like, as a number']", "40")
    page.type("input[aria-label='Weight of short_view, as a number']", "-3")
    page.until(lambda: page.order() != before, "another order")
    page.click(".ranking + button")
    line = json.loads(server.admin_get("/v1/models/kuairand/warmup").json["requests"][0])
    line["reward"] = {"weights": {"like": 40, "short_view": -3}}
    items = server.ranked(line)["items"]
    assert page.order() == [json.dumps(item["item"]) for item in items] and asked > 0
    old = [json.dumps(item["item"]) for item in server.ranked({**line, "reward": None})["items"]]
    for at, node in enumerate(page.all(".ranking .item .move")[:10]):
        rise = old.index(page.order()[at]) - at
        assert node.text.split("\n")[0].replace(" ", "")[:1] == ("▲" if rise > 0 else "▼" if rise < 0 else "·")
        assert str(abs(rise)) in node.text or rise == 0
    page.click("#reset")
    assert page.order()[:25] == before and not page.all(".ranking .move")


def test_a_slider_is_moved_by_keys(page):
    before = page.rank()
    slider = page.one("input[type=range][aria-label='Weight of like']")
    slider.send_keys(Keys.END)
    exact = page.one("input[aria-label='Weight of like, as a number']")
    assert float(exact.get_attribute("value")) == 8
    page.until(lambda: page.order() != before, "another order")


def test_json_and_form_are_one_request(page, server):
    page.click("#tab-try")
    page.type("#form-candidates", "7229\n2594\nnot-in-the-table")
    page.click("#view-json")
    body = json.loads(page.one("#json").get_attribute("value"))
    assert [c["item"] if isinstance(c, dict) else c for c in body["candidates"]] == [7229, 2594, "not-in-the-table"]
    page.type("#json", json.dumps({"candidates": [7229, 6997], "top_k": 1, "topk": 1}))
    page.click("#rank")
    assert "/topk" in page.text("#outcome")
    page.type("#json", "{")
    page.click("#view-form")
    assert "Not JSON" in page.text("#outcome") and page.one("#json")
    page.type("#json", json.dumps({"candidates": [7229, 6997], "top_k": 1}))
    page.click("#rank")
    page.until(lambda: page.all(".ranking .item"), "an answer")
    assert page.order() == ["7229"]
    page.driver.get_log("browser")  # the refusal on purpose


def test_copy_as_curl(page, server):
    page.click("#tab-try")
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {
        "origin": page.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.click("#copy")
    page.until(lambda: page.text("#outcome"), "said so")
    text = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], () => arguments[0](''))")
    assert text.startswith(f"curl -s http://{server.data[0]}:{server.data[1]}/rank/kuairand ")
    assert '"candidates":' in text


def test_versions_side_by_side(page, server):
    page.rank()
    page.click("#tab-model")
    was = served(server)["version"]
    other = 3 - was
    page.type("#other-version", str(other))
    page.one("#other-version").send_keys(Keys.ENTER)
    page.until(lambda: f"Version {other} serves" in page.text("#model"), "reloaded")
    assert served(server)["version"] == other
    page.click("#tab-try")
    kept, now = page.until(lambda: len(page.all(".two h3")) == 2 and page.all(".two h3"), "two lists")
    assert (kept.text, now.text) == (f"v{was}, kept", f"v{other}, now")
    assert all(node.text.startswith("·") for node in page.all(".two .move")) and page.all(".two .move")
    page.screenshot("versions")
    page.click("#keep")
    page.until(lambda: not page.all(".two"), "one list")
    page.click("#tab-model")
    page.type("#other-version", "99")
    page.one("#other-version").send_keys(Keys.ENTER)
    page.until(lambda: page.all("#reload-outcome .notice.bad"), "refused")
    assert served(server)["version"] == other
    page.driver.get_log("browser")  # the refusal on purpose


def test_the_token_opens_what_is_closed(page, guarded_server):
    page.url = f"http://{guarded_server.admin[0]}:{guarded_server.admin[1]}/"
    page.open()
    page.click("#reload")
    page.until(lambda: "needs the admin token" in page.text("#reload-outcome"), "refused")
    page.click("#tab-try")
    page.click("#view-json")
    page.type("#json", json.dumps({"candidates": [7229]}))
    page.click("#rank")
    page.until(lambda: "needs the admin token" in page.text("#outcome"), "refused")
    page.click("#token-button")
    page.type("#token", TOKEN)
    page.click("#token-dialog .primary")
    page.until(lambda: len(page.all("#source option")) > 1, "warm-up requests")
    page.rank()
    page.click("#tab-model")
    page.click("#reload")
    page.until(lambda: page.all("#reload-outcome .notice.good"), "reloaded")
    page.driver.get_log("browser")  # the refusals on purpose


def test_live_figures(page, server):
    page.click("#tab-live")
    for _ in range(20):
        server.ranked({"candidates": [1, 2, 3]})
    page.until(lambda: "0 ms" in page.text("#live") and len(page.all("#live .spark")) == 6, "figures")
    page.until(lambda: page.all("#slow tbody tr"), "slow requests")
    assert [node.text for node in page.all("#live tbody th")][:6] == [
        "all", "queue", "decode", "encode_user", "score", "write"]
    page.screenshot("live")


def test_tabs_by_keyboard(page):
    page.one("#tab-model").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.one("#tab-try").get_attribute("aria-selected") == "true", "next tab")
    assert page.driver.switch_to.active_element.get_attribute("id") == "tab-try" and page.one("#try")
    page.one("#tab-try").send_keys(Keys.ARROW_LEFT)
    page.until(lambda: page.one("#model"), "back")


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_its_window(page, server, width, scheme):
    page.open(width, scheme)
    for section in ("model", "try", "live"):
        page.click(f"#tab-{section}")
        page.one(f"#{section} .card")
        if section == "try":
            page.rank()
            page.type("input[aria-label='Weight of like, as a number']", "20")
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, section
        assert page.driver.execute_script(UNNAMED) == []
        page.screenshot(f"{section}-{width}-{scheme}")
