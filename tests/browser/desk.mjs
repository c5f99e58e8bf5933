// What every test of a page in a browser needs. Playwright and axe are found through NODE_PATH.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Counts checks, and keeps a line for each thing that is wrong.
export class Desk {
  problems = [];
  checks = 0;

  static async open(executablePath) {
    const desk = new Desk();
    desk.browser = await chromium.launch({ executablePath, args: quiet });
    return desk;
  }

  check(is, what) {
    this.checks += 1;
    if (!is) this.problems.push(what);
  }

  // A page of a context of its own. Whatever it says on the console is a problem, and so is whatever it asks for that is not its own.
  async page(name, url, isOwn, options) {
    const context = await this.browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    const page = await context.newPage();
    const about = (what) => this.problems.push(`${name}: ${what}`);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && about(`console: ${message.text()}`));
    page.on("pageerror", (error) => about(`script: ${error.message}`));
    page.on("request", (request) => !isOwn(request.url()) && !request.url().startsWith("data:") && about(`asks for ${request.url()}`));
    await page.goto(url);
    return page;
  }

  async accessible(name, page) {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const one of violations) this.problems.push(`${name}: axe: ${one.id}: ${one.nodes.length} x ${one.nodes[0].html.slice(0, 120)}`);
    this.checks += 1;
  }

  async narrow(name, page, width) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    this.check(wide <= width, `${name}: ${width} wide: the page is ${wide} wide`);
  }

  // Ends with 1 and a line for each problem.
  async close() {
    await this.browser.close();
    this.problems.forEach((problem) => console.error(problem));
    console.log(`${this.checks} checks, ${this.problems.length} problems`);
    process.exit(this.problems.length ? 1 : 0);
  }
}

// Pixels of a canvas that are drawn on.
export const inked = (page, at) =>
  page.evaluate((at) => {
    const canvas = document.querySelectorAll("figure canvas")[at];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
    return count;
  }, at);
