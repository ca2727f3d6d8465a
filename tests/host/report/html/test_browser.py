"""The page in a real browser: it fits, at any width, and is dark where the user wants that."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from host.planner import parse_profile, solve
from host.report.html import report_html
from host.story import file_story
from tests.e2e.tx2_costs import tx2_document

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """<script>
const wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .columns, .track')
  && e.getBoundingClientRect().right > innerWidth + 1).length;
parent.postMessage([innerWidth, document.documentElement.scrollWidth, wide,
  getComputedStyle(document.body).backgroundColor].join(' ; '), '*');
</script>"""
FRAME = """<!doctype html><script>addEventListener('message', event => document.title = event.data)</script>
<iframe src="{page}" style="width:{width}px;height:800px;border:0"></iframe>"""
"""A window cannot be as narrow as a phone, a frame can."""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium")


def look(page: Path, tmp_path: Path, *, width: int, is_dark: bool) -> list[str]:
    """Inner width, width of the document, how many elements stick out, and the background's colour."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.name, width=width))
    scheme = f"--blink-settings=preferredColorScheme={0 if is_dark else 1}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", scheme]
    answer = subprocess.run(
        [str(BROWSER), *options, "--window-size=1400,900", "--dump-dom", frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    title = re.search("<title>(.*?)</title>", answer.stdout)
    assert title is not None
    return title[1].split(" ; ")


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits(tmp_path: Path, width: int, *, is_dark: bool) -> None:
    table = parse_profile(tx2_document())
    story = file_story("plan.json", solve(table), table)
    page = tmp_path / "report.html"
    page.write_text(report_html(replace(story, name="x" * 200)).replace("</body>", f"{PROBE}</body>"))
    inner, whole, sticking_out, background = look(page, tmp_path, width=width, is_dark=is_dark)
    assert int(whole) <= int(inner) == width
    assert sticking_out == "0"
    red = int(background.removeprefix("rgb(").split(",")[0])
    assert (red < 100) is is_dark
