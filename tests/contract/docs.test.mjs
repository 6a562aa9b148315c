// Swagger UI at /docs/ in a real browser: it renders without a request to anybody else, takes a token, and tries out a read and a write.
// Run by tests/run with CHROMIUM (a program), SERVER_URL and ADMIN_TOKEN.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { CHROMIUM: executablePath, SERVER_URL: server, ADMIN_TOKEN: token } = process.env;
const pictures = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "copydesk-docs-"));

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
page.setDefaultTimeout(15_000);

const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(`console: ${message.text()} (${message.location().url})`));
page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
await page.exposeFunction("complain", (complaint) => complaints.push(complaint));
await page.addInitScript(() =>
  document.addEventListener("securitypolicyviolation", (event) => window.complain(`policy: ${event.violatedDirective} forbids ${event.blockedURI}`)),
);
await page.route("**/*", (route) => {
  const { protocol, origin } = new URL(route.request().url());
  if (origin === server || protocol === "data:" || protocol === "blob:") return route.continue();
  complaints.push(`a request left the server: ${route.request().url()}`);
  return route.abort();
});

async function picture(name) {
  const path = join(pictures, `${name}.png`);
  await page.screenshot({ path });
  console.log(`screenshot: ${path}`);
}

/** Opens an operation, presses "Try it out" and "Execute", and answers the status and body that the page shows. */
async function tryOut(tag, operation, fill = async () => {}) {
  const block = page.locator(`#operations-${tag}-${operation}`);
  await block.locator(".opblock-summary-control").click();
  await block.getByRole("button", { name: "Try it out" }).click();
  await fill(block);
  await block.getByRole("button", { name: "Execute" }).click();
  const answer = block.locator(".live-responses-table .response");
  await answer.waitFor();
  await answer.scrollIntoViewIfNeeded();
  const status = (await answer.locator(".response-col_status").innerText()).trim();
  const shown = await answer.innerText();
  await picture(operation);
  return { status: Number.parseInt(status, 10), shown };
}

try {
  const document = await (await fetch(`${server}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((path) => Object.keys(path)).filter((verb) => /^(get|post|put|patch|delete)$/.test(verb));
  await page.goto(`${server}/docs/`);
  await page.locator(".opblock").first().waitFor();
  assert.equal(await page.locator(".opblock").count(), operations.length, "not every operation is on the page");
  await picture("docs");

  await page.locator(".scheme-container button.authorize").click();
  await page.locator(".dialog-ux input[type=text]").fill(token);
  await page.locator(".dialog-ux .auth-btn-wrapper button.authorize").click();
  await page.locator(".dialog-ux .btn-done").click();

  const read = await tryOut("articles", "list_articles");
  assert.equal(read.status, 200, read.shown);
  assert.match(read.shown, /"items"/);

  // A name that no other test uses.
  const name = `Tried out ${Date.now()}`;
  const write = await tryOut("tags", "create_tag", (block) => block.locator("textarea.body-param__text").fill(JSON.stringify({ name })));
  assert.equal(write.status, 201, write.shown);
  assert(write.shown.includes(name), write.shown);

  assert.deepEqual(complaints, []);
  console.log(`Swagger UI shows ${operations.length} operations, took the token, read and wrote.`);
} catch (error) {
  await picture("failed").catch(() => {});
  console.error(complaints);
  throw error;
} finally {
  await browser.close();
}
