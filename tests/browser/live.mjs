// Opens the page of a run that is going on: node live.mjs RICHTER SCENARIO FOLDER [CHROMIUM]. Plays the scenario on the mock into
// FOLDER, serves it meanwhile, stops it when everything was seen, and leaves pictures there. Exits with 1 and a line for each thing
// that is wrong.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { Desk, inked } from "./desk.mjs";

const [richter, scenario, folder, executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const out = `${folder}/out`;
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const started = [];
const start = (...args) => {
  const child = spawn(richter, args, { stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  return child;
};
process.on("exit", () => started.forEach((child) => child.exitCode ?? child.kill()));

const serving = start("serve", out, "--port", "0");
const [line] = await once(createInterface(serving.stdout), "line");
const home = line.match(/http:\/\/\S+/)[0];
const run = start("run", scenario, "--on", "mock", "--out", out, "--view", "none", "--lag-max", "9s", "--output", "quiet");
const ended = once(run, "exit");

const desk = await Desk.open(executablePath);
const isOwn = (asked) => asked.startsWith(home);
const picture = (page, name) => page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
const until = async (what, is) => {
  for (let tries = 0; tries < 240; tries++) {
    if (await is()) return true;
    await new Promise((done) => setTimeout(done, 250));
  }
  desk.check(false, `${what}: waited for a minute`);
  return false;
};

// The list, as soon as the run has a folder.
await until("the run begins", () => readdirSync(out).length > 0);
const list = await desk.page("list", home, isOwn, {});
await until("the list names the run", async () => {
  if ((await list.locator("tbody").count()) === 0) await list.reload();
  return (await list.getByText("RUNNING").count()) === 1;
});
await desk.accessible("list", list);
await list.setViewportSize({ width: 390, height: 800 });
await desk.narrow("list", list, 390);
await picture(list, "list-phone");
await list.locator("tbody a").click();
const address = list.url();
await list.close();

// What is drawn of the run, and how much it says was offered.
const offered = (page) => page.evaluate(() => Number(document.querySelector("header .note").textContent.match(/^[\d,]+/)[0].replaceAll(",", "")));
const lines = (page) => page.evaluate(() => document.querySelectorAll("figure .live").length);
const renewals = async (name, page) => {
  const seen = new Set();
  await until(`${name}: news arrives`, async () => {
    seen.add(await offered(page));
    return seen.size >= 4;
  });
  return [...seen];
};

const page = await desk.page("light", address, isOwn, { colorScheme: "light" });
await page.evaluate(() => { window.sameDocument = true; });
desk.check((await page.title()).endsWith(": running"), `light: the title is ${await page.title()}`);
const counts = await renewals("light", page);
desk.check(counts.every((count, at) => at === 0 || count > counts[at - 1]), `light: requests go down: ${counts}`);
desk.check(await page.evaluate(() => window.sameDocument === true), "light: the page was loaded again instead of renewed");
await until("light: charts", async () => (await lines(page)) > 5);
const before = await page.evaluate(() => window.richterPlots().find((plot) => plot.id === "goodput"));
desk.check(before !== undefined, "light: there is no live chart of goodput");
desk.check((await inked(page, 0)) > 1000, "light: the first live chart is blank");
await desk.accessible("light", page);

// The charts show all there is from the beginning, and what a reader zoomed stays zoomed.
const span = async () => page.evaluate(() => window.richterPlots().filter((plot) => plot.id !== "percentiles").map((plot) => [plot.min, plot.max]));
desk.check((await span()).every(([min, max]) => min === 0 && max > 1 && max < 60), `light: charts show ${JSON.stringify(await span())}`);
await page.getByRole("button", { name: "Zoom in" }).focus();
await page.keyboard.press("Enter");
const near = JSON.stringify(await span());
await renewals("light, zoomed", page);
desk.check(JSON.stringify(await span()) === near, `light: zoomed to ${near}, and after a renewal ${JSON.stringify(await span())}`);
desk.check(await page.evaluate(() => document.activeElement.textContent === "Zoom in"), "light: a renewal takes the keyboard away");
await page.getByRole("button", { name: "Whole run" }).click();

// What a reader has opened and where he is stays as it is while the page renews itself.
const numbers = page.locator("#goodput details.numbers");
await numbers.locator("summary").click();
const rows = await numbers.locator("tbody tr").count();
await page.evaluate(() => window.scrollTo(0, 700));
await renewals("light, further down", page);
desk.check(await numbers.evaluate((node) => node.open), "light: what was opened is shut after a renewal");
desk.check((await numbers.locator("tbody tr").count()) >= rows, "light: the numbers below a chart get fewer");
desk.check(Math.abs((await page.evaluate(() => window.scrollY)) - 700) < 200, `light: renewals scroll the page to ${await page.evaluate(() => window.scrollY)}`);
await picture(page, "live-light");

const dark = await desk.page("dark", address, isOwn, { colorScheme: "dark" });
await renewals("dark", dark);
await desk.accessible("dark", dark);
await picture(dark, "live-dark");
await dark.close();

const phone = await desk.page("phone", address, isOwn, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true });
await renewals("phone", phone);
await desk.narrow("live", phone, 390);
await picture(phone, "live-phone");
await phone.close();

const plain = await desk.page("scripts off", address, isOwn, { javaScriptEnabled: false });
desk.check((await plain.locator("svg.chart:visible").count()) >= 5, "scripts off: charts are missing");
await plain.close();

// At the end the page becomes the report.
run.kill("SIGINT");
const [code] = await ended;
desk.check(code === 130, `the run exits with ${code}`);
await until("the page becomes the report", async () => !(await page.title()).endsWith(": running"));
await page.waitForLoadState();
desk.check((await page.locator("header .running").count()) === 0, "the report still says that it is running");
await desk.accessible("report", page);
await picture(page, "live-done");
await desk.close();
