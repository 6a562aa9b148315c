// nginx and Varnish in front of the server, as deploy/ has them: what is kept, for whom, how long, and what never is.
// Run by tests/run with SERVER_URL and ADMIN_TOKEN.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Recorder, ask, startNginx, startVarnish, until } from "./proxies.mjs";

const { SERVER_URL: server, ADMIN_TOKEN: token } = process.env;
const signedIn = { Authorization: `Bearer ${token}` };
const BODY = "The night buses are back, every twenty minutes until four. ".repeat(30);

async function desk(method, path, body, headers = {}) {
  const all = { ...signedIn, "Content-Type": "application/json", "If-Match": "*", ...headers };
  const answer = await ask(server, path, { method, headers: all, body: body && JSON.stringify(body) });
  assert(answer.status < 300, `${method} ${path} answered ${answer.status}: ${answer.text}`);
  return answer.text && JSON.parse(answer.text);
}

/** A live story that no other test reads: its id and its address. */
async function story(more = {}) {
  const { id } = await desk("POST", "/v1/articles", { title: "Night Buses", body: BODY, ...more });
  await desk("POST", `/v1/articles/${id}/publish`, {});
  return { id, path: `/v1/articles/${id}` };
}

async function retitle(id, title) {
  await desk("PATCH", `/v1/articles/${id}`, { title });
  await desk("POST", `/v1/articles/${id}/publish`, {});
}

/** The title of a story, or those of a list, whatever the coding. */
function titleOf(answer) {
  assert.equal(answer.status, 200, answer.text);
  const decode = { gzip: gunzipSync, br: brotliDecompressSync }[answer.headers["content-encoding"]] ?? ((body) => body);
  const json = JSON.parse(decode(answer.body));
  return json.items ? json.items.map((item) => item.title).join() : json.title;
}

function problemOf(answer) {
  assert.equal(answer.headers["content-type"], "application/problem+json", answer.text);
  assert.equal(answer.headers["cache-control"], "private, no-store");
  const { status, code } = JSON.parse(answer.text);
  assert.equal(status, answer.status);
  return code;
}

/** Varnish weakens the tag of what it unpacked, and asks with the strong one. */
const strong = (tag) => tag.replace("W/", "");

/** Varnish shows the old answer while it asks for the new one, nginx asks first. */
const showsTheOldOnce = (proxy) => proxy.name === "varnish";

for (const start of [startNginx, startVarnish]) {
  describe(start.name.replace("start", ""), () => {
    const recorder = new Recorder(server);
    let proxy;

    before(async () => {
      await recorder.start();
      proxy = await start(recorder);
    });
    after(async () => {
      await proxy.stop();
      await recorder.stop();
    });

    test("a second read is a hit and does not reach the server", async () => {
      const { path } = await story();
      const first = await proxy.ask(path);
      const more = await recorder.during(async () => {
        const second = await proxy.ask(path);
        assert.deepEqual([second.status, second.headers["x-cache"], second.text], [200, "HIT", first.text]);
        assert.equal(second.headers.etag, first.headers.etag);
        const list = await proxy.ask("/v1/articles?limit=3");
        assert.deepEqual([list.headers["x-cache"], (await proxy.ask("/v1/articles?limit=3")).headers["x-cache"]], ["MISS", "HIT"]);
      });
      assert.deepEqual(more.map((one) => one.path), ["/v1/articles?limit=3"]);
    });

    test("who has a page already gets 304 from the proxy", async () => {
      const { path } = await story();
      const { headers } = await proxy.ask(path);
      const more = await recorder.during(async () => {
        for (const condition of [{ "If-None-Match": headers.etag }, { "If-Modified-Since": headers["last-modified"] }]) {
          const again = await proxy.ask(path, { headers: condition });
          assert.deepEqual([again.status, again.text], [304, ""], JSON.stringify(condition));
        }
        assert.equal((await proxy.ask(path, { headers: { "If-None-Match": '"1-0123456789abcdef"' } })).status, 200);
      });
      assert.deepEqual(more, []);
    });

    test("an editor's answer never reaches a stranger", async () => {
      const { id, path } = await story();
      await desk("PATCH", path, { title: "A Title of the Working Copy" });
      const draft = await desk("POST", "/v1/articles", { title: "A Draft", body: BODY });
      for (let round = 0; round < 2; round += 1) {
        const working = await proxy.ask(`${path}?view=working`, { headers: signedIn });
        assert.deepEqual([titleOf(working), working.headers["cache-control"]], ["A Title of the Working Copy", "private, no-store"]);
        assert.equal(titleOf(await proxy.ask(`/v1/articles/${draft.id}?view=working`, { headers: signedIn })), "A Draft");
        const list = await proxy.ask(`/v1/articles?view=working&ids=${id},${draft.id}`, { headers: signedIn });
        assert.equal(JSON.parse(list.text).items.length, 2);

        assert.equal(problemOf(await proxy.ask(`${path}?view=working`)), "unauthenticated");
        assert.equal(problemOf(await proxy.ask(`/v1/articles/${draft.id}?view=working`)), "unauthenticated");
        assert.equal(problemOf(await proxy.ask(`/v1/articles?view=working&ids=${id},${draft.id}`)), "unauthenticated");
        assert.equal(problemOf(await proxy.ask(`/v1/articles/${draft.id}`)), "not_found");
      }
      const mine = await proxy.ask(path, { headers: signedIn });
      assert.deepEqual([titleOf(mine), mine.headers["cache-control"]], ["Night Buses", "private, no-store"]);
      const theirs = await proxy.ask(path);
      assert.deepEqual([theirs.headers["x-cache"], theirs.headers["cache-control"].split(",")[0]], ["MISS", "public"]);
    });

    test("a page kept for strangers is not given to who shows a token", async () => {
      const { path } = await story();
      await proxy.ask(path);
      const asked = await recorder.during(async () => {
        const mine = await proxy.ask(path, { headers: signedIn });
        assert.equal(mine.headers["cache-control"], "private, no-store");
        assert.notEqual(mine.headers["x-cache"], "HIT");
        for (const credentials of ["Bearer junk", "Basic eDp5", "0"]) {
          const answer = await proxy.ask(path, { headers: { Authorization: credentials } });
          assert.deepEqual([answer.status, problemOf(answer)], [401, "invalid_token"], credentials);
        }
      });
      assert.equal(asked.length, 4);
      assert.equal((await proxy.ask(path)).headers["x-cache"], "HIT");
    });

    test("a write passes with its If-Match, and one that comes too late is told so", async () => {
      const { id, path } = await story();
      const { etag } = (await proxy.ask(`${path}?view=working`, { headers: signedIn })).headers;
      const patch = { method: "PATCH", headers: { ...signedIn, "Content-Type": "application/json", "If-Match": etag }, body: '{"title":"Once"}' };
      const [first, second] = [await proxy.ask(path, patch), await proxy.ask(path, patch)];
      assert.deepEqual([first.status, second.status, problemOf(second)], [200, 412, "stale"]);
      assert.equal(titleOf(await proxy.ask(`/v1/articles/${id}?view=working`, { headers: signedIn })), "Once");
    });

    test("a body beyond the server's limit is refused in the server's words", async () => {
      const headers = { ...signedIn, "Content-Type": "application/json" };
      const answer = await proxy.ask("/v1/articles", { method: "POST", headers, body: " ".repeat(2 * 1024 * 1024 + 1) });
      assert.deepEqual([answer.status, problemOf(answer)], [413, "body_too_large"]);
    });

    test("codings are kept apart, and each is what the server itself would send", async () => {
      const { path } = await story();
      for (const accepted of ["gzip", "br", "zstd", "identity", undefined, "gzip;q=0, br;q=0.1", "deflate"]) {
        const headers = accepted ? { "Accept-Encoding": accepted } : {};
        // Varnish asks for gzip alone, and unpacks it for those who do not take it.
        const own = await ask(server, path, { headers: proxy.name === "varnish" && accepted !== "gzip" ? {} : headers });
        for (let round = 0; round < 2; round += 1) {
          const answer = await proxy.ask(path, { headers });
          assert.equal(answer.headers["content-encoding"], own.headers["content-encoding"], accepted);
          assert(answer.body.equals(own.body), `${accepted} came with other bytes`);
          assert.equal(answer.headers.vary, "Accept-Encoding");
        }
        assert.equal((await proxy.ask(path, { headers })).headers["x-cache"], "HIT", accepted);
      }
    });

    test("HEAD is answered from the page that GET left, and the other way round", async () => {
      for (const [first, second] of [["GET", "HEAD"], ["HEAD", "GET"]]) {
        const { path } = await story();
        await proxy.ask(path, { method: first });
        const answer = await proxy.ask(path, { method: second });
        assert.deepEqual([answer.status, answer.headers["x-cache"]], [200, "HIT"]);
        assert.equal(answer.text.length > 0, second === "GET");
      }
    });

    test("no refusal is kept", async () => {
      const refused = [
        ["/v1/articles/nowhere", 404, "not_found"],
        ["/nowhere", 404, "not_found"],
        ["/v1/articles?limit=0", 400, "invalid_parameter"],
        ["/v1/articles?utm_source=letter", 400, "unknown_parameter"],
        ["/v1/articles?limit=1&limit=1", 400, "repeated_parameter"],
        ["/v1/users", 401, "unauthenticated"],
        ["/v1/articles?view=working", 401, "unauthenticated"],
      ];
      for (const [path, status, code] of refused) {
        const asked = await recorder.during(async () => {
          for (let round = 0; round < 2; round += 1) {
            const answer = await proxy.ask(path);
            assert.deepEqual([answer.status, problemOf(answer)], [status, code], path);
          }
        });
        assert.equal(asked.length, 2, path);
      }
      // What was not there is there as soon as it is published.
      const slug = `opened-${proxy.name}-${Date.now()}`;
      assert.equal((await proxy.ask(`/v1/articles/${slug}`)).status, 404);
      await story({ slug });
      assert.equal((await proxy.ask(`/v1/articles/${slug}`)).status, 200);
    });

    test("after 30 s one conditional request reaches the server, which says 304", async () => {
      const { path } = await story();
      const first = await proxy.ask(path);
      proxy.later(29);
      assert.deepEqual(await recorder.during(() => proxy.ask(path)), []);
      for (const seconds of [2, 31, 1000]) {
        proxy.later(seconds);
        const before = recorder.seen.length;
        const asked = await recorder.during(async () => {
          const stale = await proxy.ask(path);
          assert.deepEqual([stale.status, stale.text], [200, first.text]);
          await until(() => recorder.seen[before]?.status === 304, "a revalidation");
          for (let round = 0; round < 3; round += 1) {
            await until(async () => (await proxy.ask(path)).headers["x-cache"] === "HIT", "a hit");
          }
        });
        // While nginx takes the answer in, a read that comes at that moment may have it asked once more.
        assert.ok(asked.length <= 2, `${asked.length} requests`);
        for (const one of asked) {
          assert.deepEqual([one.path, one.status, one.headers["if-none-match"]], [path, 304, strong(first.headers.etag)]);
        }
      }
    });

    test("an edit is seen after 30 s, and nobody is shown what was taken down", async () => {
      const { id, path } = await story();
      await proxy.ask(path);
      await retitle(id, "Night Buses Return");
      assert.equal(titleOf(await proxy.ask(path)), "Night Buses", "the 30 s have not passed");
      proxy.later(31);
      if (showsTheOldOnce(proxy)) assert.equal(titleOf(await proxy.ask(path)), "Night Buses");
      if (showsTheOldOnce(proxy)) await until(async () => titleOf(await proxy.ask(path)) !== "Night Buses", "the edit");
      assert.equal(titleOf(await proxy.ask(path)), "Night Buses Return");
      await desk("POST", `/v1/articles/${id}/unpublish`, {});
      proxy.later(31);
      if (showsTheOldOnce(proxy)) await until(async () => (await proxy.ask(path)).status !== 200, "the end of the story");
      for (let round = 0; round < 3; round += 1) assert.equal(problemOf(await proxy.ask(path)), "not_found");
    });

    test("a purge by name shows an edit at once, in every coding, and leaves all else", async () => {
      const [edited, other] = [await story(), await story()];
      const list = `/v1/articles?ids=${edited.id}`;
      const codings = ["gzip", "br", "identity"].map((coding) => ({ headers: { "Accept-Encoding": coding } }));
      for (const path of [edited.path, list, other.path]) for (const options of codings) await proxy.ask(path, options);
      await retitle(edited.id, "Purged");
      assert.equal(await proxy.purge(`article-${edited.id}`, "articles"), 0);
      for (const options of codings) {
        assert.deepEqual([titleOf(await proxy.ask(edited.path, options)), titleOf(await proxy.ask(list, options))], ["Purged", "Purged"]);
      }
      const asked = await recorder.during(() => Promise.all(codings.map((options) => proxy.ask(other.path, options))));
      assert.deepEqual(asked, [], "a story of another name was purged, too");
      assert.notEqual(await proxy.purge("articles|.*"), 0, "a pattern is no name");
      assert.equal((await proxy.ask("/", { method: "PURGE", headers: { "Surrogate-Key": "articles" } })).status, 405);
    });

    test("while the server is away readers get what is kept, and all else a problem", async () => {
      const [kept, taken] = [await story(), await story()];
      await proxy.ask(kept.path);
      await proxy.ask(taken.path);
      await desk("POST", `/v1/articles/${taken.id}/unpublish`, {});
      await proxy.purge(`article-${taken.id}`, "articles");
      await recorder.stop();
      try {
        proxy.later(31);
        assert.equal(titleOf(await proxy.ask(kept.path)), "Night Buses");
        proxy.later(proxy.name === "nginx" ? 3000 : 200);
        assert.equal(titleOf(await proxy.ask(kept.path)), "Night Buses");
        const none = [[taken.path], ["/v1/articles?limit=7"], [kept.path, { headers: signedIn }], [kept.path, { method: "DELETE", headers: signedIn }]];
        for (const [path, options] of none) {
          const answer = await proxy.ask(path, options);
          assert.deepEqual([answer.status, problemOf(answer)], [503, "unavailable"]);
        }
      } finally {
        await recorder.start();
      }
      await retitle(kept.id, "Back");
      await until(async () => titleOf(await proxy.ask(kept.path)) === "Back", "the server's return");
    });

    test("a new page that twenty ask for at once is asked for once, and a missing one makes no queue", async () => {
      const { path } = await story();
      const twenty = (path) => Promise.all(Array.from({ length: 20 }, () => proxy.ask(path)));
      recorder.delay = 40;
      try {
        let started = Date.now();
        const asked = await recorder.during(async () => {
          for (const answer of await twenty(path)) assert.equal(titleOf(answer), "Night Buses");
        });
        const slow = Date.now() - started > 400; // nginx lets nobody wait longer than 200 ms
        assert(asked.length === 1 || (slow && asked.length < 20), `asked ${asked.length} times`);
        started = Date.now();
        for (const answer of await twenty("/v1/articles/missing")) assert.equal(answer.status, 404);
        assert(Date.now() - started < 1000, `they waited ${Date.now() - started} ms`);
      } finally {
        recorder.delay = 0;
      }
    });

    test("nothing that one reader sends changes what another reads", async () => {
      const { path } = await story();
      const odd = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Original-URL": "/v1/articles/other",
        "X-HTTP-Method-Override": "DELETE",
        Forwarded: "for=203.0.113.9;host=evil.example",
        Host: "evil.example",
        Cookie: "session=evil",
        Origin: "https://evil.example",
        "Accept-Language": "xx",
        Range: "bytes=0-3",
        "Request-Id": "evil",
      };
      const own = await ask(server, path);
      const [reached] = await recorder.during(() => proxy.ask(path, { headers: odd }));
      const answer = await proxy.ask(path);
      assert.deepEqual([answer.headers["x-cache"], answer.status, answer.text], ["HIT", 200, own.text]);
      const { date, age, via, connection, ...headers } = answer.headers;
      assert(!JSON.stringify(headers).includes("evil"), JSON.stringify(headers));
      assert.equal(headers["access-control-allow-origin"], "*");
      assert.equal(headers["set-cookie"], undefined);
      for (const name of ["cookie", "forwarded"]) assert.equal(reached.headers[name], undefined, name);
      assert.equal(reached.headers["x-forwarded-for"], "127.0.0.1");
      assert(!/gopher/.test(reached.headers["x-forwarded-proto"]));
      // A body of a GET, and a cookie, are no part of what is asked.
      const asked = await recorder.during(async () => {
        const fat = await proxy.ask(path, { headers: { "Content-Type": "application/json", Cookie: "a=b" }, body: '{"title":"evil"}' });
        assert.equal(fat.text, own.text);
        assert.equal((await proxy.ask(path)).text, own.text);
      });
      assert(asked.length <= 1);
    });

    test("each answer has an id of its own, also one from the cache", async () => {
      const { path } = await story();
      const ids = [];
      for (let round = 0; round < 3; round += 1) ids.push((await proxy.ask(path)).headers["request-id"]);
      assert.equal(new Set(ids).size, 3, ids.join(" "));
      for (const sane of ["mine-1", "a.b_c"]) assert.equal((await proxy.ask(path, { headers: { "Request-Id": sane } })).headers["request-id"], sane);
      assert.notEqual((await proxy.ask(path, { headers: { "Request-Id": "not sane" } })).headers["request-id"], "not sane");
    });

    test("the longest heads go through: of stories with many tags, of lists with long addresses", async () => {
      const made = Date.now();
      const slugs = Array.from({ length: 100 }, (_, number) => `${proxy.name}-${made}-${number}`);
      await Promise.all(slugs.map((slug) => desk("POST", "/v1/tags", { name: slug, slug })));
      const stories = [await story({ tags: slugs }), await story()];
      const exclude = slugs.slice(0, 50).map((slug) => slug.padEnd(120, "-x")).join();
      const list = `/v1/articles?limit=1&exclude_tag=${exclude}`;
      const { next_cursor: cursor } = JSON.parse((await ask(server, list)).text).page;
      for (const path of [stories[0].path, "/v1/articles?limit=100", "/v1/tags?limit=100", list, `${list}&cursor=${cursor}`]) {
        const answer = await proxy.ask(path);
        assert.deepEqual([answer.status, (await proxy.ask(path)).headers["x-cache"]], [200, "HIT"], answer.text);
      }
      // Of so many tags the story names the kind alone; a purge of a tag and its kind reaches it.
      const { id } = await desk("PATCH", `/v1/tags/${slugs[50]}`, { name: "Renamed" });
      assert(!(await proxy.ask(stories[0].path)).text.includes("Renamed"));
      assert.equal(await proxy.purge(`tag-${id}`, "tags"), 0);
      assert((await proxy.ask(stories[0].path)).text.includes("Renamed"));
    });
  });
}
