"""A look at a page in a real browser, and what every page must keep.

A browser is `chromium` of the PATH, else the one that `./scripts/setup browser` unpacks.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Playwright, Route, WebSocketRoute, expect

from tests.servers import CHECKOUT

_MODULES = CHECKOUT / "tests" / "pages" / "browser" / "node_modules"
_UNPACKED = _MODULES / "chromium"
#: Only what hangs reaches this, on a machine that does much else.
LONGEST = 60
expect.set_options(timeout=LONGEST * 1000)

#: Widths of a telephone and of a desk, in both schemes.
LOOKS = ((360, "light"), (360, "dark"), (1400, "light"), (1400, "dark"))
#: The looks that only the soak takes.
SOAKED = ((360, "light"), (1400, "dark"))

# The browser must not crash where a machine has no fonts; pictures have the same on each machine.
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{fonts}</dir><dir>/usr/share/fonts</dir><dir>/usr/local/share/fonts</dir>
<cachedir>{fonts}/cache</cachedir>
<alias binding="same"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""

_WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


async def launch(playwright: Playwright) -> Browser:
    """A headless Chromium without a way out of this machine."""
    # Sandboxes of Chromium need rights that containers do not give.
    arguments = ["--no-sandbox", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1"]
    if (found := shutil.which("chromium")) is not None:
        return await playwright.chromium.launch(executable_path=found, args=arguments)
    fonts = _UNPACKED / "fonts" / "tandem.conf"
    fonts.write_text(_FONTS.format(fonts=_UNPACKED / "fonts"))
    environment: dict[str, str | float | bool] = {
        **os.environ,
        "LD_LIBRARY_PATH": str(_UNPACKED / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(fonts),
    }
    return await playwright.chromium.launch(
        executable_path=_UNPACKED / "chromium", args=arguments, env=environment
    )


@dataclass
class Look:
    """A page in the browser. It notes what a page must never do."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    #: Console errors that begin so are expected: a refused call, say, which Chromium always tells.
    expected: tuple[str, ...] = ()

    async def go(self, path: str) -> None:
        """Open an address of the site."""
        await self.page.goto(self.url + path)

    async def check(self) -> None:
        """Fail unless the page as it stands keeps every rule."""
        await self.quiet()
        await self.fits()
        await self.accessible()

    async def quiet(self) -> None:
        """Fail when the page broke its policy, asked outside or reported an error."""
        found = [*self.faults, *await self.page.evaluate("window.violations")]
        _none(one for one in found if not one.startswith(self.expected or "\0"))

    async def fits(self) -> None:
        """Fail when the page, or the bar at its top, is wider than its window."""
        wide = await self.page.evaluate(_TOO_WIDE)
        _none(f"wider than the window: {one}" for one in wide)

    async def accessible(self) -> None:
        """Fail on a finding of axe-core that is serious or critical."""
        # Colours on their way to others would be judged half-way.
        await self.page.evaluate(_FINISH_ANIMATIONS)
        await self.page.evaluate((_MODULES / "axe-core" / "axe.min.js").read_text())
        result = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        _none(
            f"{found['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for found in result["violations"]
            if found["impact"] in ("serious", "critical")
            for node in found["nodes"]
        )

    async def end(self) -> None:
        """Look once more, and close the page: it may ask its server again and again."""
        await self.quiet()
        await self.page.close()

    async def tab_to(self, selector: str, most: int = 200) -> None:
        """Press Tab until the element has the focus; fail when it never gets it."""
        for _ in range(most):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate("one => document.activeElement?.matches(one)", selector):
                return
        raise AssertionError(f"Tab never reaches {selector}")

    async def walk(self, most: int = 300) -> None:
        """Press Tab through the whole page; fail at a stop that nobody would see."""
        for _ in range(most):
            await self.page.keyboard.press("Tab")
            stop = await self.page.evaluate(_STOP)
            if stop is None:
                return
            assert stop["seen"], f"the focus is not seen at {stop['name']}"
        raise AssertionError("Tab never leaves the page")

    async def until(self, expression: str, value: object = True, given: object = None) -> None:
        """Wait until an expression of the page has a value.

        Playwright's own way evaluates in the page, which the policy forbids.
        """
        limit = time.monotonic() + LONGEST
        while (found := await self.page.evaluate(expression, given)) != value:
            assert time.monotonic() < limit, f"{expression} is {found}"
            await asyncio.sleep(0.05)

    async def shows(self, text: str) -> None:
        """Wait until the page shows a text."""
        await expect(self.page.get_by_text(text).first).to_be_visible()


def _none(faults: Iterable[str]) -> None:
    found = list(faults)
    assert not found, "\n".join(found)


_FINISH_ANIMATIONS = "document.getAnimations().forEach(one => one.finish())"
# An editor's own field is tiny: its cursor shows where it is.
_STOP = """() => {
  const stop = document.activeElement;
  if (stop === document.body) return null;
  const { left, right, top, bottom } = stop.getBoundingClientRect();
  const isInside = right > 0 && left < innerWidth && bottom > 0 && top < innerHeight;
  const isEditor = stop.matches('.CodeMirror textarea');
  const hasRing = isEditor || getComputedStyle(stop).outlineStyle !== 'none';
  const name = `${stop.tagName} ${stop.id} ${stop.getAttribute('aria-label') ?? stop.textContent}`;
  return { name: name.slice(0, 80), seen: isInside && right > left && bottom > top && hasRing };
}"""
_TOO_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  const fits = document.documentElement.scrollWidth <= most;
  return [...document.querySelectorAll(fits ? '.bar *' : 'body *')]
    .filter(one => one.getBoundingClientRect().right > most + 1)
    .map(one => `${one.tagName}.${one.className} ${one.getBoundingClientRect().right}`)
    .slice(0, 8);
}"""


@asynccontextmanager
async def looking(
    browser: Browser, url: str, width: int = 1400, scheme: Any = "light", **more: Any
) -> AsyncIterator[Look]:
    """A new page in a context of its own, which may only ask the site at ``url``."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        **more,
    )
    context.set_default_timeout(LONGEST * 1000)
    look = Look(await context.new_page(), url)

    async def inside(route: Route) -> None:
        if _place(route.request.url) == _place(url):
            await route.continue_()
            return
        look.faults.append(f"asks outside: {route.request.url}")
        await route.abort()

    async def socket(route: WebSocketRoute) -> None:
        if urlsplit(route.url).netloc != urlsplit(url).netloc:
            look.faults.append(f"asks outside: {route.url}")
            await route.close()
            return
        route.connect_to_server()

    await context.route(lambda asked: not asked.startswith(("data:", "blob:")), inside)
    await context.route_web_socket("**/*", socket)
    await context.add_init_script(_WATCH)
    look.page.on("pageerror", lambda error: look.faults.append(f"error: {error}"))
    look.page.on(
        "console",
        lambda said: look.faults.append(f"console: {said.text}") if said.type == "error" else None,
    )
    try:
        yield look
    finally:
        await context.close()


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
