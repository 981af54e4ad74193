"""Looks at HTML reports as a reader's browser shows them, and says what is wrong.

  check.py [--json] FILE...   one JSON object per file (without --json: text for people)
  check.py --probe            whether a browser can be had, and which

Each file is opened from the disk in headless Chromium at 1440, 768 and 360 px, light and dark, as printed on A4, and
without script. Exit status: 0 nothing found, 1 something found, 2 cannot look (and why).
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sys
import time

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Error, sync_playwright
except ImportError as error:
    print(f"check.py: {error}: make the environment with scripts/browser.sh", file=sys.stderr)
    sys.exit(2)

WIDTHS = (1440, 768, 360)
HEIGHT = 900
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A page with a fault in every row would bury all other findings.
MOST_PER_RULE = 8
MOST_BROWSERS = 4
# CSS: 96 px an inch.
PIXELS = {"mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "pt": 96 / 72, "px": 1.0}
A4_WIDTH = 210 * PIXELS["mm"]
# What Chromium takes where a page's CSS sets no margin: 0.4 in.
DEFAULT_MARGIN = 0.4 * 96

AXE_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    "rules": {"color-contrast": {"enabled": False}},
    "resultTypes": ["violations"],
    "preload": False,
}
# axe-core's rule of contrast takes longer than all the others together. It sees both schemes, both ends of the layout,
# and two rows of each table; our own check below sees all of each.
AXE_CONTRAST = {"runOnly": ["color-contrast"], "resultTypes": ["violations"], "preload": False}
AXE_CONTRAST_CONTEXT = {"exclude": [["tbody tr:nth-child(n+3)"]]}
AXE_CONTRAST_VIEWS = ((1440, "light"), (360, "dark"))

# What is drawn: horizontal scroll, cut text, labels over one another, contrast (of which axe-core leaves SVG out).
LAYOUT = r"""
() => {
  const found = [];
  const root = document.scrollingElement;
  const width = root.clientWidth;
  const name = element => {
    const parts = [];
    for (let at = element; at && at !== document.documentElement && parts.length < 4; at = at.parentElement) {
      const own = at.id ? '#' + at.id.slice(0, 40) : [...at.classList].slice(0, 2).map(c => '.' + c).join('');
      parts.unshift(at.localName + own);
      if (at.id) break;
    }
    return parts.join(' > ');
  };
  const short = text => {
    const line = text.replace(/\s+/g, ' ').trim();
    return line.length > 60 ? line.slice(0, 57) + '…' : line;
  };
  const isShown = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const add = (rule, element, detail) => found.push({rule, where: name(element), detail});

  if (root.scrollWidth > width) {
    // The outermost that stand out, unless a box of their own scrolls or cuts them.
    const before = found.length;
    const visit = element => {
      for (const child of element.children) {
        const right = child.getBoundingClientRect().right + scrollX;
        if (right > width + 0.5 && isShown(child))
          add('horizontal-scroll', child, `to ${right.toFixed(0)} px of ${width}: ${short(child.textContent)}`);
        else if (!(child instanceof SVGElement) && getComputedStyle(child).overflowX === 'visible') visit(child);
      }
    };
    visit(document.body);
    if (found.length === before) add('horizontal-scroll', document.body, `${root.scrollWidth} px in ${width}`);
  }

  // A box of one pixel is there for screen readers only.
  for (const element of document.body.querySelectorAll('*')) {
    if (element instanceof SVGElement || !isShown(element)) continue;
    const style = getComputedStyle(element);
    const cutsX = ['hidden', 'clip'].includes(style.overflowX) || style.textOverflow === 'ellipsis';
    const cutsY = ['hidden', 'clip'].includes(style.overflowY);
    if (!cutsX && !cutsY || element.clientWidth <= 1 || element.clientHeight <= 1) continue;
    if (cutsX && element.scrollWidth > element.clientWidth + 1)
      add('cut', element, `${element.scrollWidth} px wide in ${element.clientWidth}: ${short(element.textContent)}`);
    if (cutsY && element.scrollHeight > element.clientHeight + 1)
      add('cut', element, `${element.scrollHeight} px high in ${element.clientHeight}: ${short(element.textContent)}`);
  }

  const labels = [];
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const cuts = getComputedStyle(svg).overflowX !== 'visible';
    for (const text of svg.querySelectorAll('text')) {
      if (!text.textContent.trim() || !isShown(text)) continue;
      const rect = text.getBoundingClientRect();
      if (rect.width === 0 || rect.height === 0) continue;
      const said = short(text.textContent);
      const left = rect.left + scrollX, right = rect.right + scrollX;
      const place = `"${said}" from ${left.toFixed(1)} to ${right.toFixed(1)} px`;
      if (left < -1 || right > width + 1) add('clipped-label', text, `${place} on a page of ${width}`);
      else if (cuts && (rect.left < frame.left - 1 || rect.right > frame.right + 1))
        add('clipped-label', text, `${place} in a picture from ${frame.left.toFixed(1)} to ${frame.right.toFixed(1)}`);
      else if (cuts && (rect.top < frame.top - 3 || rect.bottom > frame.bottom + 3))
        add('clipped-label', text, `"${said}" stands out above or below its picture`);
      labels.push({text, rect, said});
    }
  }
  labels.sort((a, b) => a.rect.top - b.rect.top);
  for (let i = 0; i < labels.length; i++) {
    const a = labels[i];
    for (let j = i + 1; j < labels.length && labels[j].rect.top < a.rect.bottom - 2; j++) {
      const b = labels[j];
      const x = Math.min(a.rect.right, b.rect.right) - Math.max(a.rect.left, b.rect.left);
      const y = Math.min(a.rect.bottom, b.rect.bottom) - b.rect.top;
      if (x > 2 && y > 2)
        add('overlap', a.text, `"${a.said}" and "${b.said}" by ${x.toFixed(1)} × ${y.toFixed(1)} px`);
    }
  }

  // WCAG 2.1, 1.4.3. Labels have a rim of the page's colour, so that is what they are read against.
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const colours = new Map();
  const bytes = colour => {
    if (!colours.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      colours.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return colours.get(colour);
  };
  const channel = value => value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const over = (front, back) => [0, 1, 2].map(i => front[i] * front[3] / 255 + back[i] * (1 - front[3] / 255));
  const canvasColour = () => bytes(matchMedia('(prefers-color-scheme: dark)').matches
    && getComputedStyle(document.documentElement).colorScheme.includes('dark') ? '#121212' : '#ffffff');
  const backgrounds = new Map();
  const background = element => {
    if (!element) return canvasColour();
    if (!backgrounds.has(element)) {
      const own = element instanceof SVGElement ? [0, 0, 0, 0] : bytes(getComputedStyle(element).backgroundColor);
      const behind = own[3] === 255 ? own : background(element.parentElement);
      backgrounds.set(element, own[3] === 0 ? behind : [...over(own, behind), 255]);
    }
    return backgrounds.get(element);
  };
  const contrast = (element, colour, said) => {
    const style = getComputedStyle(element);
    const behind = background(element);
    const [a, b] = [luminance(over(bytes(colour), behind)), luminance(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || size >= 18.66 && parseInt(style.fontWeight) >= 700 ? 3 : 4.5;
    if (ratio < wanted) add('contrast', element, `"${said}": ${ratio.toFixed(2)}, below ${wanted}`);
  };
  for (const {text, said} of labels) {
    const fill = getComputedStyle(text).fill;
    if (fill !== 'none') contrast(text, fill, said);
  }
  for (const element of document.body.querySelectorAll('*')) {
    if (element instanceof SVGElement || element.matches(':disabled, [aria-hidden=true]') || !isShown(element))
      continue;
    const own = [...element.childNodes].filter(n => n.nodeType === Node.TEXT_NODE).map(n => n.data).join(' ').trim();
    if (own) contrast(element, getComputedStyle(element).color, short(own));
  }
  return found;
}
"""

# What a screen reader is told.
STRUCTURE = r"""
() => {
  const found = [];
  const short = text => text.replace(/\s+/g, ' ').trim().slice(0, 60);
  const add = (rule, where, detail) => found.push({rule, where, detail});
  for (const [index, figure] of [...document.querySelectorAll('figure')].entries()) {
    const where = `figure ${index + 1}, "${short(figure.querySelector('figcaption')?.textContent ?? '')}"`;
    const pictures = [...figure.querySelectorAll('svg[role=img]')];
    if (pictures.length === 0) add('figure-alternative', where, 'no svg with role=img');
    for (const svg of pictures) {
      const referred = (svg.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean)
        .map(id => document.getElementById(id)?.textContent ?? '').join(' ');
      const said = referred.trim() || svg.getAttribute('aria-label')?.trim()
        || svg.querySelector(':scope > title')?.textContent.trim();
      if (!said) add('figure-alternative', where, 'an svg without title, aria-label or aria-labelledby');
    }
  }
  for (const [index, table] of [...document.querySelectorAll('table')].entries()) {
    const caption = table.caption?.textContent.trim() ?? '';
    const where = `table ${index + 1}, "${short(caption || table.textContent)}"`;
    if (!caption) add('table-caption', where, 'no caption');
    const headers = [...table.querySelectorAll('th')];
    if (headers.length === 0) add('table-headers', where, 'no th');
    const bare = headers.filter(header => !header.hasAttribute('scope'));
    if (bare.length > 0)
      add('table-headers', where, `${bare.length} th without scope, as "${short(bare[0].textContent)}"`);
  }
  return found;
}
"""

OPEN_ALL = r"""
() => {
  const folded = document.querySelectorAll('details:not([open])');
  for (const details of folded) details.open = true;
  return folded.length;
}
"""

# Everything that the keyboard must reach; a radio group takes one Tab, whichever of it is checked.
WATCH_FOCUS = r"""
() => {
  const all = [...document.querySelectorAll('a[href], summary, button, input, select, textarea, [tabindex]')].filter(
    e => !e.disabled && e.checkVisibility({visibilityProperty: true}) && e.type !== 'hidden'
      && (e.tabIndex >= 0 || e.matches('a, summary, button')));
  const look = e => {
    const style = getComputedStyle(e);
    return {outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, shadow: style.boxShadow};
  };
  const before = new Map(all.map(e => [e, look(e)]));
  const reached = new Set(), dull = new Set();
  document.addEventListener('focusin', event => {
    const element = event.target, now = look(element), then = before.get(element);
    reached.add(element);
    if (!now.outline && (now.shadow === 'none' || now.shadow === then?.shadow)) dull.add(element);
  }, true);
  globalThis.benchFocus = {all, reached, dull};
  return all.length;
}
"""

FOCUS_RESULT = r"""
() => {
  const {all, reached, dull} = globalThis.benchFocus;
  const name = e => (e.textContent || e.id || e.name || '').replace(/\s+/g, ' ').trim().slice(0, 50);
  const say = e => `${e.localName} "${name(e)}"`;
  const groups = new Set([...reached].filter(e => e.type === 'radio').map(e => e.name));
  const missed = all.filter(e => !reached.has(e) && !(e.type === 'radio' && groups.has(e.name)));
  return [
    ...missed.map(e => ({rule: 'keyboard', where: say(e), detail: 'Tab does not reach it'})),
    ...[...dull].map(e => ({rule: 'focus-visible', where: say(e), detail: 'neither outline nor shadow when focused'})),
  ];
}
"""

PAGE_MARGINS = r"""
() => {
  const margins = ['', ''];
  for (const sheet of document.styleSheets) {
    const visit = rules => {
      for (const rule of rules) {
        if (rule instanceof CSSPageRule && !rule.selectorText)
          ['marginLeft', 'marginRight'].forEach((side, i) => { margins[i] = rule.style[side] || margins[i]; });
        else if (rule.cssRules && (!rule.media || matchMedia(rule.media.mediaText).matches)) visit(rule.cssRules);
      }
    };
    visit(sheet.cssRules);
  }
  return margins;
}
"""

# Controls are what a script may add.
TEXT = r"""
() => {
  const controls = 'button, input, select, textarea, label, output, dialog, '
    + '[role=toolbar], [role=status], [role=tooltip]';
  return {
    text: document.body.innerText,
    controls: [...document.querySelectorAll(controls)].map(e => e.innerText ?? e.textContent).join('\n'),
  };
}
"""


class Inspection:
    """The findings about one file."""

    def __init__(self, browser, path):
        self.browser = browser
        self.path = pathlib.Path(path).resolve()
        self.url = self.path.as_uri()
        self.findings = []
        self.notes = []
        self.views = 0
        # Of the narrow page with its script, before anything was unfolded.
        self.text = None
        self.counts = collections.Counter()

    def add(self, view, rule, where, detail):
        key = (view["width"], view["scheme"], view["medium"], rule)
        self.counts[key] += 1
        if self.counts[key] <= MOST_PER_RULE:
            self.findings.append({**view, "rule": rule, "where": where[:200], "detail": detail[:400]})

    def add_all(self, view, found):
        for finding in found:
            self.add(view, finding["rule"], finding["where"], finding["detail"])

    def page(self, view, script=True, height=HEIGHT):
        context = self.browser.new_context(
            viewport={"width": view["width"], "height": height}, color_scheme=view["scheme"],
            java_script_enabled=script, reduced_motion="reduce")
        # file:// knows no network, but a page may ask for it.
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: self.add(view, "console", message.type, message.text))
        page.on("pageerror", lambda error: self.add(view, "page-error", "", str(error)))
        page.on("request", lambda request: self.requested(view, request.url))
        page.on("dialog", lambda dialog: (self.add(view, "dialog", dialog.type, dialog.message), dialog.dismiss()))
        page.goto(self.url, wait_until="load")
        return page

    def requested(self, view, url):
        if url.split("#")[0] != self.url and not url.startswith("data:"):
            self.add(view, "request", "", url)

    def run(self):
        started = time.monotonic()
        for width in WIDTHS:
            self.on_screen(width)
        self.in_print()
        self.without_script()
        for (width, scheme, medium, rule), count in self.counts.items():
            if count > MOST_PER_RULE:
                view = {"width": width, "scheme": scheme, "medium": medium}
                more = count - MOST_PER_RULE
                self.findings.append({**view, "rule": rule, "where": "", "detail": f"and {more} more of this rule"})
        return {
            "file": str(self.path), "findings": self.findings, "notes": self.notes,
            "views": self.views,
            "seconds": round(time.monotonic() - started, 2),
        }

    def on_screen(self, width):
        view = {"width": width, "scheme": "light", "medium": "screen"}
        page = self.page(view)
        if width == WIDTHS[-1]:
            self.text = page.evaluate(TEXT)
        found = self.layout(view, page)
        if width == WIDTHS[0]:
            self.add_all(view, page.evaluate(STRUCTURE))
        if width in (WIDTHS[0], WIDTHS[-1]):
            self.accessibility(view, page)
            self.keyboard(view, page)
        self.views += 1
        # The reader's scheme changes under the page. What is wrong in both is said once.
        view["scheme"] = "dark"
        page.emulate_media(color_scheme="dark")
        self.add_all(view, [finding for finding in page.evaluate(LAYOUT) if finding not in found])
        if (width, "dark") in AXE_CONTRAST_VIEWS:
            self.accessibility(view, page)
        self.views += 1
        page.context.close()

    def layout(self, view, page):
        """As it is first seen, then with everything unfolded: what is folded up must not be broken either."""
        found = page.evaluate(LAYOUT)
        if page.evaluate(OPEN_ALL) > 0:
            found += [finding for finding in page.evaluate(LAYOUT) if finding not in found]
        self.add_all(view, found)
        return found

    def accessibility(self, view, page):
        violations = []
        if view["scheme"] == "light":
            violations += Axe().run(page, options=AXE_OPTIONS).response["violations"]
        if (view["width"], view["scheme"]) in AXE_CONTRAST_VIEWS:
            violations += Axe().run(page, AXE_CONTRAST_CONTEXT, AXE_CONTRAST).response["violations"]
        for violation in violations:
            nodes = violation["nodes"]
            where = " ".join(str(target) for target in nodes[0]["target"])
            summary = re.sub(r"\s+", " ", nodes[0].get("failureSummary") or "")
            detail = f"{violation['impact']}: {violation['help']} ({len(nodes)} places). {summary}"
            if violation["impact"] in ("serious", "critical"):
                self.add(view, "axe:" + violation["id"], where, detail)
            else:
                self.notes.append(
                    {**view, "rule": "axe:" + violation["id"], "where": where[:200], "detail": detail[:400]})

    def keyboard(self, view, page):
        count = page.evaluate(WATCH_FOCUS)
        # Some more: a scrolling region takes the focus as well.
        for _ in range(count + 20):
            page.keyboard.press("Tab")
        self.add_all(view, page.evaluate(FOCUS_RESULT))

    def in_print(self):
        view = {"width": 794, "scheme": "light", "medium": "print"}
        page = self.page(view)
        page.emulate_media(media="print", color_scheme="light")
        # What is printed is laid out between the margins.
        margins = sum(pixels(length) for length in page.evaluate(PAGE_MARGINS))
        page.set_viewport_size({"width": int(A4_WIDTH - margins), "height": 1123})
        self.add_all(view, page.evaluate(LAYOUT))
        pdf = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
        pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        if not pdf.startswith(b"%PDF") or pages == 0 or b"/Font" not in pdf:
            self.add(view, "pdf", "", f"{len(pdf)} bytes, {pages} pages, or no text")
        self.views += 1
        page.context.close()

    def without_script(self):
        bare = {"width": WIDTHS[-1], "scheme": "light", "medium": "no script"}
        page = self.page(bare, script=False)
        without = page.evaluate(TEXT)
        self.layout(bare, page)
        self.views += 1
        page.context.close()
        on, off = (collections.Counter(each["text"].split()) for each in (self.text, without))
        controls = collections.Counter(self.text["controls"].split())
        # A word that the script has put into a control, such as the head of a column that sorts, is still there.
        for words, what in ((off - on - controls, "only without script"), (on - off - controls, "only with script")):
            if words:
                self.add(bare, "script-text", "", f"{what}: {' '.join(list(words)[:12])}")


def pixels(length):
    """A length of CSS, in pixels."""
    match = re.fullmatch(r"([0-9.]+)(mm|cm|in|pt|px)?", length)
    return float(match[1]) * PIXELS[match[2] or "px"] if match else DEFAULT_MARGIN


def inspect(executable, queue):
    """Starts a browser, and takes files from the queue of (index, path) until there are none."""
    results = []
    with sync_playwright() as playwright:
        # Chromium's sandbox cannot be had by root, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        while queue:
            try:
                index, path = queue.popleft()
            except IndexError:
                break
            results.append((index, Inspection(browser, path).run()))
        browser.close()
    return results


def find_browser():
    for name in [os.environ.get("BENCH_BROWSER", ""), *BROWSERS]:
        path = shutil.which(name) if name else None
        if path:
            return path
    return None


def show(result):
    print(f"{result['file']}: {len(result['findings'])} findings, {result['seconds']} s")
    for kind in ("findings", "notes"):
        for each in result[kind]:
            print(f"  {'note ' if kind == 'notes' else ''}{each['width']} px {each['scheme']} {each['medium']}"
                  f"  {each['rule']}  {each['where']}\n      {each['detail']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object per file")
    parser.add_argument("--probe", action="store_true", help="only start the browser")
    parser.add_argument("files", nargs="*", metavar="FILE")
    arguments = parser.parse_args()
    if not arguments.probe and not arguments.files:
        parser.error("no file named")
    for file in arguments.files:
        if not os.path.isfile(file):
            print(f"check.py: {file}: no such file", file=sys.stderr)
            return 2
    executable = find_browser()
    if executable is None:
        print("check.py: no Chromium in PATH: install it (Debian: chromium)", file=sys.stderr)
        return 2
    try:
        if arguments.probe:
            inspect(executable, [])
            print(executable)
            return 0
        # Playwright's objects belong to the thread that made them: one browser a thread.
        jobs = min(len(arguments.files), os.cpu_count() or 1, MOST_BROWSERS)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            queue = collections.deque(sorted(enumerate(arguments.files), key=lambda each: -os.path.getsize(each[1])))
            results = dict(pair for each in [pool.submit(inspect, executable, queue) for _ in range(jobs)]
                           for pair in each.result())
    except Error as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 2
    for _, result in sorted(results.items()):
        if arguments.json:
            print(json.dumps(result))
        else:
            show(result)
    return 1 if any(result["findings"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
