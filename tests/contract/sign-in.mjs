// Waits for the server and signs in: `node sign-in.mjs DOCUMENT` writes the OpenAPI document to that file and prints the access token.
// `node sign-in.mjs --still-signed-in` says whether $ADMIN_TOKEN still counts.
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const { SERVER_URL: server, ADMIN_EMAIL: email, ADMIN_PASSWORD: password, ADMIN_TOKEN: token } = process.env;

async function answer(path, options) {
  const response = await fetch(server + path, options);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text;
}

async function untilReady() {
  for (const deadline = Date.now() + 15_000; ; await sleep(50)) {
    try {
      return await answer("/");
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

if (process.argv[2] === "--still-signed-in") {
  await answer("/v1/auth/me", { headers: { Authorization: `Bearer ${token}` } });
} else {
  await untilReady();
  await writeFile(process.argv[2], JSON.stringify(JSON.parse(await answer("/openapi.json")), null, 2)); // for the lint, which shows lines
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ email, password });
  console.log(JSON.parse(await answer("/v1/auth/login", { method: "POST", headers, body })).access_token);
}
