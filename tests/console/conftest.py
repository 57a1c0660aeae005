"""A headless Chromium, and a server with the bundled model in two versions."""

import os
import sys
import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from support import models  # noqa: E402
from support.server import Server  # noqa: E402

SECONDS = 20.0
TOKEN = "a token of thirty-two bytes or more"
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console") / "models"
    (folder / "kuairand").mkdir(parents=True)
    for version in ("1", "2"):
        (folder / "kuairand" / version).symlink_to(models.BUNDLED, target_is_directory=True)
    with Server(folder, "--workers", 1, "--budget-ms", 5000, "--queue-ms", 5000) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory):
    """One whose changes need TOKEN."""
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN, encoding="utf-8")
    path.chmod(0o600)
    with Server(models.BUNDLED.parents[1], "--workers", 1, "--admin-token-file", path, "--budget-ms", 5000,
                "--queue-ms", 5000) as running:
        yield running


class Page:
    """The console in a browser window of a width, in one of the colour schemes."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        self.width = 1280

    def open(self, width=1280, scheme="light"):
        self.width = width
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})
        self._resize(900)
        self.driver.get("about:blank")
        self.driver.get(self.url)

    def _resize(self, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": self.width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The first that is shown, as soon as there is one."""
        return self.until(lambda: next((node for node in self.all(selector) if node.is_displayed()), None), selector)

    def click(self, selector):
        node = self.one(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
        node.click()

    def until(self, condition, what=""):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                found = condition()
            except StaleElementReferenceException:  # it was drawn anew meanwhile
                found = None
            if found:
                return found
            assert time.monotonic() < deadline, f"{what}: {self.driver.find_element(By.TAG_NAME, 'main').text[:400]}"
            time.sleep(0.05)

    def text(self, selector):
        return self.one(selector).text

    def type(self, selector, text):
        """Replaces what the field holds."""
        self.driver.execute_script("arguments[0].value = ''", self.one(selector))
        self.one(selector).send_keys(text)

    def rank(self):
        """Opens the section, ranks, and returns the ids in their order."""
        self.click("#tab-try")
        self.click("#rank")
        self.one(".ranking")
        return self.order()

    def order(self, selector=".ranking"):
        return [node.get_attribute("data-item") for node in self.one(selector).find_elements(By.CSS_SELECTOR, ".item")]

    def screenshot(self, name):
        folder = os.environ.get("SCREENSHOTS")
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._resize(max(900, min(1800, self.driver.execute_script("return document.documentElement.scrollHeight"))))
        time.sleep(0.3)
        self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))
        self._resize(900)

    def complaints(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def driver():
    options = webdriver.ChromeOptions()
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield running
    running.quit()


@pytest.fixture
def page(driver, server):
    page = Page(driver, f"http://{server.admin[0]}:{server.admin[1]}/")
    page.open()
    yield page
    assert page.complaints() == []
