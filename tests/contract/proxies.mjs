// What proxies.test.mjs stands on: one HTTP request at a time, a recorder between proxy and server, and nginx and Varnish started
// on loopback, in folders of their own, from the very files under deploy/ (their addresses and folders aside).
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const deploy = new URL("../../deploy/", import.meta.url);
const agent = new http.Agent({ keepAlive: true });

/** Sends one request, on a connection of its own, and answers what came: `{ status, headers, body, text }`. */
export function ask(origin, path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) }; // node sets none on a GET
    const request = http.request(origin + path, { method, headers: { ...length, ...headers }, agent: false }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(parts);
        resolve({ status: response.statusCode, headers: response.headers, body: bytes, text: bytes.toString() });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Tries until it holds; a proxy asks in the background, and starts in its own time. */
export async function until(holds, what) {
  for (const deadline = Date.now() + 10_000; !(await holds()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

/** Stands before the server, passes everything on as it is, and remembers it; as long as it is away, so is the server. */
export class Recorder {
  seen = [];
  delay = 0;

  constructor(server) {
    this.server = server;
  }

  async start() {
    this.listener = http.createServer((request, response) => this.#pass(request, response));
    this.listener.keepAliveTimeout = 75_000;
    await new Promise((resolve) => this.listener.listen(this.port ?? 0, "127.0.0.1", resolve));
    this.port = this.listener.address().port;
  }

  async stop() {
    const closed = new Promise((resolve) => this.listener.close(resolve));
    this.listener.closeAllConnections();
    await closed;
  }

  /** What reached the server while something was done. */
  async during(deed) {
    const before = this.seen.length;
    await deed();
    return this.seen.slice(before);
  }

  async #pass(request, response) {
    const record = { method: request.method, path: request.url, headers: request.headers };
    this.seen.push(record);
    await sleep(this.delay);
    const on = http.request(this.server + request.url, { method: request.method, headers: request.rawHeaders, agent }, (answer) => {
      record.status = answer.statusCode;
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    on.on("error", () => response.destroy());
    request.pipe(on);
  }
}

/** A program started from a file under deploy/, its clock in our hand. */
class Proxy {
  constructor(name, port) {
    this.name = name;
    this.origin = `http://127.0.0.1:${port}`;
    this.folder = mkdtempSync(join(tmpdir(), `copydesk-${name}-`));
    chmodSync(this.folder, 0o755); // its workers may be another user
    this.clock = join(this.folder, "clock");
    this.ahead = 0;
    this.later(0);
  }

  /** Moves the program's clock on. */
  later(seconds) {
    this.ahead += seconds;
    writeFileSync(this.clock, `+${this.ahead}\n`);
  }

  ask(path, options) {
    return ask(this.origin, path, options);
  }

  async run(program, ...args) {
    const env = {
      PATH: `${process.env.PATH}:/usr/sbin`,
      LD_PRELOAD: `${library()}:libc.so.6`, // libc a second time: before jemalloc, which asks for the time before there is any
      FAKETIME_TIMESTAMP_FILE: this.clock,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    this.log = "";
    this.child = spawn(program, args, { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.on("data", (text) => (this.log += text));
    this.child.stderr.on("data", (text) => (this.log += text));
    this.child.on("error", (error) => (this.log += error));
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    process.on("exit", () => this.child.kill());
    await until(() => {
      if (this.child.exitCode !== null || this.child.pid === undefined) throw new Error(`${program} ended:\n${this.log}`);
      return this.ask("/").then(() => true, () => false);
    }, program).catch((error) => Promise.reject(new Error(`${error.message}\n${this.log}`)));
  }

  async stop() {
    this.child.kill();
    await this.ended;
    rmSync(this.folder, { recursive: true });
  }
}

/** deploy/nginx.conf inside the least that nginx needs around it. */
export async function startNginx(recorder) {
  const port = await freePort();
  const nginx = new Proxy("nginx", port);
  const at = (name) => join(nginx.folder, name);
  nginx.cache = at("cache");
  mkdirSync(nginx.cache);
  const ours = changed("nginx.conf", [
    ["/var/cache/nginx/copydesk", nginx.cache],
    ["server 127.0.0.1:8080;", `server 127.0.0.1:${recorder.port};`],
    ["listen 80;", `listen 127.0.0.1:${port};`],
  ]);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${at(kind)};`);
  writeFileSync(
    at("nginx.conf"),
    `daemon off; worker_processes 2; pid ${at("pid")}; env FAKETIME_TIMESTAMP_FILE; env FAKETIME_NO_CACHE; env FAKETIME_DONT_FAKE_MONOTONIC;
     events {} http { access_log off; ${temporary.join(" ")}\n${ours} }`,
  );
  await nginx.run("nginx", "-e", "stderr", "-p", nginx.folder, "-c", at("nginx.conf"));
  nginx.purge = async (...names) => {
    const purge = spawn(new URL("nginx-purge", deploy).pathname, names, { env: { ...process.env, NGINX_CACHE: nginx.cache } });
    return new Promise((resolve) => purge.on("close", resolve));
  };
  return nginx;
}

/** deploy/varnish.vcl as its own first lines say, without the PROXY protocol. */
export async function startVarnish(recorder) {
  const [port, purgePort] = [await freePort(), await freePort()];
  const varnish = new Proxy("varnish", port);
  const file = join(varnish.folder, "copydesk.vcl");
  writeFileSync(file, changed("varnish.vcl", [[`.port = "8080"`, `.port = "${recorder.port}"`]]));
  const listen = ["-a", `http=127.0.0.1:${port}`, "-a", `purge=127.0.0.1:${purgePort}`];
  await varnish.run("varnishd", "-F", "-j", "none", "-n", join(varnish.folder, "run"), "-f", file, ...listen, "-s", "malloc,16m", "-p", "http_resp_hdr_len=20k");
  varnish.purge = async (...names) => {
    const answer = await ask(`http://127.0.0.1:${purgePort}`, "/", { method: "PURGE", headers: { "Surrogate-Key": names.join(" ") } });
    return answer.status === 200 ? 0 : answer.status;
  };
  return varnish;
}

/** A file under deploy/ with something else in some places, each of which has to be there once. */
function changed(name, changes) {
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`deploy/${name} does not say "${from}" once`);
    return text.replace(from, () => to);
  }, readFileSync(new URL(name, deploy), "utf8"));
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

/** libfaketime of Debian's package, where Debian puts it on any machine. */
function library() {
  const folders = readdirSync("/usr/lib").map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`);
  const found = folders.find(existsSync);
  if (!found) throw new Error("libfaketime is missing: install Debian's package faketime");
  return found;
}
