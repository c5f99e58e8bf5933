// Opens a report in a real browser: node report.mjs PAGE.html [CHROMIUM]. Exits with 1 and a line for each thing that is wrong.
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { statSync } from "node:fs";
import { Desk, inked } from "./desk.mjs";

const [file, executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const url = pathToFileURL(resolve(file)).href;
const desk = await Desk.open(executablePath);
const check = desk.check.bind(desk);
const open = (name, options) => desk.page(name, url, (asked) => asked === url, options);
const plots = (page) => page.evaluate(() => window.richterPlots());

{
  const page = await open("scripts off", { javaScriptEnabled: false });
  check((await page.locator("svg.chart:visible").count()) >= 10, "scripts off: charts are missing");
  check(await page.locator("h1").isVisible(), "scripts off: no question");
  check(!(await page.locator(".tools").isVisible()), "scripts off: tools that do nothing are shown");
  await page.locator("#goodput details.numbers summary").click();
  check((await page.locator("#goodput details.numbers tbody tr").count()) > 20, "scripts off: no numbers");
}

for (const colorScheme of ["light", "dark"]) {
  const page = await open(colorScheme, { colorScheme });
  const canvases = await page.locator("figure canvas").count();
  check(canvases > 10, `${colorScheme}: only ${canvases} live charts`);
  for (let at = 0; at < canvases; at += 5) check((await inked(page, at)) > 1000, `${colorScheme}: live chart ${at} is blank`);
  const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  check((colorScheme === "dark") === (background === "rgb(20, 23, 28)"), `${colorScheme}: the background is ${background}`);
  await desk.accessible(colorScheme, page);
}

{
  const page = await open("keyboard", {});
  const wanted = await page.evaluate(() => {
    const reach = "a[href], button, input, summary, [tabindex='0']";
    return [...document.querySelectorAll(reach)].filter((node) => node.checkVisibility({ visibilityProperty: true })).length;
  });
  const reached = new Set();
  for (let press = 0; press < wanted + 20; press++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => {
      const node = document.activeElement;
      node.dataset.seen ??= String(window.seen = (window.seen || 0) + 1);
      return node === document.body ? null : node.dataset.seen;
    }));
  }
  reached.delete(null);
  check(wanted > 30 && reached.size >= wanted, `keyboard: reaches ${reached.size} of ${wanted} controls`);

  const box = page.locator(".tools input").first();
  await box.focus();
  const before = await inked(page, 0);
  await page.keyboard.press("Space");
  check(!(await box.isChecked()), "keyboard: a strategy cannot be switched off");
  check((await inked(page, 0)) < before, "keyboard: a strategy that is off is still drawn");
  await page.keyboard.press("Space");

  const timed = async () => (await plots(page)).filter((plot) => plot.id !== "percentiles");
  const whole = await timed();
  await page.getByRole("button", { name: "Zoom in" }).focus();
  await page.keyboard.press("Enter");
  const near = await timed();
  check(near.every((plot, at) => plot.max - plot.min < 0.6 * (whole[at].max - whole[at].min)), "keyboard: not every chart is zoomed");
  await page.getByRole("button", { name: "Whole run" }).press("Enter");
  check((await timed()).every((plot, at) => plot.max === whole[at].max && plot.min === whole[at].min), "keyboard: the whole run does not come back");
  await page.getByRole("button", { name: "Theme" }).press("Enter");
  await page.getByRole("button", { name: "Theme" }).press("Enter");
  check((await page.evaluate(() => document.documentElement.dataset.theme)) === "dark", "keyboard: the theme cannot be chosen");
}

{
  const page = await open("pointer", {});
  const over = page.locator("#goodput .u-over");
  await over.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await over.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  const cursors = (await plots(page)).filter((plot) => plot.id !== "percentiles").map((plot) => plot.cursor);
  check(cursors.every((cursor) => cursor != null && cursor === cursors[0]), `pointer: cursors are not synced: ${cursors}`);
  await page.mouse.move(x + width * 0.25, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 5 });
  await page.mouse.up();
  const zoomed = (await plots(page)).filter((plot) => plot.id !== "percentiles");
  check(zoomed.every((plot) => plot.min > 0 && plot.max === zoomed[0].max), "pointer: dragging does not zoom every chart");
}

for (const width of [360, 390, 768]) {
  const page = await open(`${width} wide`, { viewport: { width, height: 800 } });
  await desk.narrow("report", page, width);
}

{
  const page = await open("print", {});
  await page.emulateMedia({ media: "print" });
  check((await page.locator("svg.chart:visible").count()) >= 10, "print: charts are missing");
  check((await page.locator("canvas:visible").count()) === 0, "print: live charts are printed");
  check((await page.locator(".tools:visible").count()) === 0, "print: tools are printed");
}

check(statSync(file).size < 1_000_000, "the page is larger than a megabyte");
await desk.close();
