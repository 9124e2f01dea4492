"""`python -m demo.pictures`: takes screenshots of the running demo for docs/."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo.options import FOLDER, TOP, read_options

CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, NARROW = (1280, 800), (360, 740)
USER_PAGE = "/users/edit/amara.okafor"
# name: (signed-in user, theme, size, page, element to click)
PICTURES = {
    "users-light": ("admin", "light", WIDE, "/users/", ""),
    "users-dark": ("admin", "dark", WIDE, "/users/", ""),
    "users-narrow": ("admin", "light", NARROW, "/users/", ""),
    "user-light": ("admin", "light", (1280, 1100), USER_PAGE, ""),
    "password-dark": ("admin", "dark", WIDE, "/users/edit/kibana_system", "editUserChangePasswordButton"),
    "review-light": ("auditor", "light", (1280, 900), "/reviews/", "open review"),
    "findings-light": ("auditor", "light", WIDE, "/findings/", ""),
    "audit-light": ("auditor", "light", (1280, 1000), "/audit/?actor=nadia.benali&live=0", ""),
    "sign-in": ("", "light", WIDE, "/login", ""),
}


def main() -> None:
    """Take all screenshots, or those named by the arguments."""
    folder = TOP / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in sys.argv[1:] or PICTURES:
            _take(browser, folder / f"{name}.png", *PICTURES[name])
        browser.close()


def _take(browser: Browser, file: Path, username: str, theme: str, size: tuple[int, int], url: str, click: str) -> None:
    page = browser.new_page(
        base_url=read_options().url,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": size[0], "height": size[1]},
        reduced_motion="reduce",
    )
    if username:
        _sign_in(page, username)
    page.goto(url)
    if click == "open review":  # the newest one
        page.locator("a[href^='/reviews/view/']").first.click()
        page.wait_for_url("**/reviews/view/**")
    elif click:
        page.locator(f"[data-test-subj={click}]").click()
        page.get_by_role("dialog").wait_for()
    page.screenshot(path=file)
    page.close()


def _sign_in(page: Page, username: str) -> None:
    page.goto("/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill((FOLDER / "passwords" / username).read_text().strip())
    page.locator("[data-test-subj=loginSubmit]").click()
    page.wait_for_url("**/users/")


if __name__ == "__main__":
    main()
