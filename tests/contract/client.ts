// A newsroom's front end, typed by the contract alone: writes the seed story and reads it back, from sign-in to the second edition.
// Run by tests/run: `node generated/client.js SEED_STORY` with SERVER_URL, ADMIN_EMAIL and ADMIN_PASSWORD.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./generated/contract.js";

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

/** The story as a newsroom gets it: a title, a dateline before the lead, headings without a full stop, and last the author's beat and bio. */
function readSeed(path: string) {
  const lines = readFileSync(path, "utf8").split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const [title, opening, ...rest] = lines;
  const [beat, bio] = rest.splice(-2);
  const [dateline, lead] = opening?.split(" – ") ?? [];
  assert(title && dateline && lead && beat && bio?.startsWith("Bio: ") === true, "the seed story has another form");
  const isHeading = (line: string) => !/[.”]$/.test(line);
  return {
    title,
    dateline,
    lead,
    beat,
    bio: bio.slice("Bio: ".length),
    headings: rest.filter(isHeading),
    paragraphs: rest.filter((line) => !isHeading(line)),
    body: rest.map((line) => (isHeading(line) ? `## ${line}` : line)).join("\n\n"),
  };
}

/** The data of an answer that has to have that status. */
function expected<T>(status: number, answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  const { data, error, response } = answer;
  assert.equal(response.status, status, `${response.url}: ${JSON.stringify(error ?? data)}`);
  assert(data, `${response.url} answered without a body`);
  return data;
}

/** A refusal that has to have that status and code (RFC 9457). */
function refused(status: number, code: string, answer: { error?: unknown; response: Response }): void {
  const { error, response } = answer;
  assert.equal(response.status, status, `${response.url}: ${JSON.stringify(error)}`);
  assert.equal(response.headers.get("Content-Type"), "application/problem+json");
  const { status: told, code: toldCode } = error as { status: number; code: string };
  assert.deepEqual({ told, toldCode }, { told: status, toldCode: code });
}

function tagOf({ response }: { response: Response }): string {
  const tag = response.headers.get("ETag");
  assert.match(tag ?? "", /^"\d+-[^"]+"$/);
  return tag as string;
}

const textsOf = (html: string, element: string) =>
  [...html.matchAll(new RegExp(`<${element}[ >].*?</${element}>`, "gs"))].map(([found]) => found.replace(/<[^>]*>/g, "").trim());

// Lists in a query are separated by commas.
const reader = createClient<paths>({ baseUrl: setting("SERVER_URL"), querySerializer: { array: { style: "form", explode: false } } });
const editor = createClient<paths>({ baseUrl: setting("SERVER_URL"), querySerializer: { array: { style: "form", explode: false } } });

const seed = readSeed(process.argv[2] ?? "");
assert.deepEqual([seed.headings.length, seed.paragraphs.length], [3, 7]);

// Sign in.
const credentials = { email: setting("ADMIN_EMAIL"), password: setting("ADMIN_PASSWORD") };
refused(401, "invalid_credentials", await reader.POST("/v1/auth/login", { body: { ...credentials, password: "not the password at all" } }));
const session = expected(200, await reader.POST("/v1/auth/login", { body: credentials }));
assert.equal(session.token_type, "Bearer");
assert(session.expires_in > 0);
editor.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${session.access_token}`);
  },
});
const me = expected(200, await editor.GET("/v1/auth/me"));
assert.deepEqual([me.email, me.role], [credentials.email, "admin"]);

// An author and two tags.
const author = expected(201, await editor.POST("/v1/authors", { body: { name: "Marcus", beat: seed.beat, bio: seed.bio, location: "Guatemala City" } }));
assert.deepEqual(
  [author.slug, author.name, author.beat, author.bio, author.location, author.article_count],
  ["marcus", "Marcus", seed.beat, seed.bio, "Guatemala City", 0],
);
const migration = expected(201, await editor.POST("/v1/tags", { body: { name: "Migration" } }));
const drugs = expected(201, await editor.POST("/v1/tags", { body: { name: "Drug trafficking", description: "Routes, trade and prosecution." } }));
assert.deepEqual([migration.slug, drugs.slug, drugs.description], ["migration", "drug-trafficking", "Routes, trade and prosecution."]);

// The story, as a draft: tags by slug, in an order of their own.
const written = {
  title: seed.title,
  dateline: { text: seed.dateline, city: "Guatemala City", country: "Guatemala", country_code: "GT" },
  lead: seed.lead,
  body: seed.body,
  author_ids: [author.id],
  tags: ["migration", "drug-trafficking"],
  image: { url: "https://example.com/landau-arevalo.jpg", alt: "Arévalo and Landau", caption: "The meeting on Friday", credit: "Presidency of Guatemala" },
  language: "en",
  seo: { title: "U.S., Guatemala talk migration", description: "Landau meets Arévalo." },
  custom: { desk: "Americas", related: [1, { deep: [null, true, "“quoted”"] }] },
};
const createdAnswer = await editor.POST("/v1/articles", { body: written });
const created = expected(201, createdAnswer);
const slug = "u-s-and-guatemala-address-migration-and-drug-trafficking";
assert.deepEqual([created.slug, created.status, created.version, created.published_at], [slug, "draft", 1, null]);
assert.equal(created.body, seed.body);
const location = createdAnswer.response.headers.get("Location");
assert(location?.endsWith(`/v1/articles/${slug}`) || location?.endsWith(`/v1/articles/${created.id}`), `Location: ${location}`);

// Nobody outside sees the draft; the newsroom does.
const bySlug = { path: { article: slug } };
const byId = { path: { article: created.id } };
refused(404, "not_found", await reader.GET("/v1/articles/{article}", { params: bySlug }));
refused(404, "not_found", await reader.GET("/v1/articles/{article}", { params: byId }));
refused(404, "not_found", await editor.GET("/v1/articles/{article}", { params: bySlug }));
refused(401, "unauthenticated", await reader.GET("/v1/articles/{article}", { params: { ...bySlug, query: { view: "working" } } }));
const none = expected(200, await reader.GET("/v1/articles", { params: { query: { count: true } } }));
assert.deepEqual([none.items, none.page.total], [[], 0]);
const draft = expected(200, await editor.GET("/v1/articles/{article}", { params: { ...bySlug, query: { view: "working" } } }));
assert("status" in draft && draft.status === "draft");

// Published, and read back live.
const publishAnswer = await editor.POST("/v1/articles/{article}/publish", {
  params: { ...bySlug, header: { "If-Match": tagOf(createdAnswer) } },
  body: {},
});
const published = expected(200, publishAnswer);
assert.deepEqual([published.status, published.has_unpublished_changes], ["published", false]);

const liveAnswer = await reader.GET("/v1/articles/{article}", { params: { ...bySlug, query: { formats: ["html", "markdown", "text", "blocks"] } } });
const live = expected(200, liveAnswer);
tagOf(liveAnswer);
assert.equal(live.id, created.id);
assert.equal(live.title, seed.title);
assert.equal(live.lead, seed.lead);
assert.equal(live.markdown, seed.body);
assert.deepEqual(
  [live.dateline?.text, live.dateline?.city, live.dateline?.country, live.dateline?.country_code],
  ["Guatemala City, Guatemala", "Guatemala City", "Guatemala", "GT"],
);
assert.deepEqual(textsOf(live.html ?? "", "h2"), seed.headings);
assert.deepEqual(textsOf(live.html ?? "", "p"), seed.paragraphs);
for (const line of [...seed.headings, ...seed.paragraphs]) assert(live.text?.includes(line), `the text lacks: ${line}`);
assert.equal(live.blocks?.length, seed.headings.length + seed.paragraphs.length);
assert.deepEqual(live.authors.map(({ id, name, beat, bio }) => ({ id, name, beat, bio })), [{ id: author.id, name: "Marcus", beat: seed.beat, bio: seed.bio }]);
assert.deepEqual(live.tags.map((tag) => [tag.id, tag.slug, tag.name]), [
  [migration.id, "migration", "Migration"],
  [drugs.id, "drug-trafficking", "Drug trafficking"],
]);
assert.deepEqual([live.image?.url, live.image?.alt, live.image?.caption, live.image?.credit], Object.values(written.image));
assert.deepEqual([live.language, live.seo?.title, live.seo?.description], ["en", written.seo.title, written.seo.description]);
assert.deepEqual(live.custom, written.custom);
assert(live.word_count > 300 && live.word_count < 500 && live.reading_minutes >= 1, `${live.word_count} words, ${live.reading_minutes} minutes`);
assert.match(live.published_at ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
assert(!("status" in live) && !("body" in live), "the live view shows members of the working view");

// It stands in the lists, without its body.
for (const query of [{}, { tag: ["migration"] }, { author: ["marcus"], language: ["en"] }]) {
  const list = expected(200, await reader.GET("/v1/articles", { params: { query: { ...query, count: true } } }));
  assert.deepEqual([list.items.map(({ id, title }) => ({ id, title })), list.page.total], [[{ id: created.id, title: seed.title }], 1]);
  assert.deepEqual([list.items[0]?.html, list.page.next_cursor], [undefined, undefined]);
}
const others = expected(200, await reader.GET("/v1/articles", { params: { query: { exclude_tag: ["migration"] } } }));
assert.deepEqual(others.items, []);

// A change needs the newest version, and shows only when it is published.
const patchOf = (subtitle: string, tag: string) =>
  editor.PATCH("/v1/articles/{article}", {
    params: { ...bySlug, header: { "If-Match": tag } },
    headers: { "Content-Type": "application/merge-patch+json" },
    body: { subtitle, tags: ["drug-trafficking"], seo: { description: null } },
  });
const patchAnswer = await patchOf("A second edition", tagOf(publishAnswer));
const patched = expected(200, patchAnswer);
assert.deepEqual(
  [patched.subtitle, patched.status, patched.has_unpublished_changes, patched.seo?.title, patched.seo?.description ?? null],
  ["A second edition", "published", true, written.seo.title, null],
);
assert(patched.version > published.version);
assert.deepEqual(patched.tags.map((tag) => tag.slug), ["drug-trafficking"]);
assert.deepEqual(patched.custom, written.custom);
refused(412, "stale", await patchOf("An edit of yesterday", tagOf(createdAnswer)));
const before = expected(200, await reader.GET("/v1/articles/{article}", { params: bySlug }));
assert.deepEqual([before.subtitle, before.tags.length], [null, 2]);

expected(200, await editor.POST("/v1/articles/{article}/publish", { params: { ...bySlug, header: { "If-Match": tagOf(patchAnswer) } }, body: {} }));
const after = expected(200, await reader.GET("/v1/articles/{article}", { params: byId }));
assert.deepEqual([after.subtitle, after.tags.map((tag) => tag.slug), after.first_published_at], ["A second edition", ["drug-trafficking"], live.first_published_at]);
const marcus = expected(200, await reader.GET("/v1/authors/{author}", { params: { path: { author: "marcus" } } }));
assert.equal(marcus.article_count, 1);

console.log("The seed story went in and came out.");
