// Reads requests.jsonl in the folder named by the first argument, prunes GitHub's description to the paths they use,
// starts Prism on it, sends every distinct request, and fails if Prism refuses one.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const folder = process.argv[2];
const whole = JSON.parse(
  readFileSync(join(folder, "node_modules/@octokit/openapi/generated/api.github.com.json"), "utf8"),
);

const templates = Object.keys(whole.paths).map((path) => ({
  path,
  pattern: new RegExp("^" + path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+") + "$"),
}));
// Fixed words before parameters: /pulls/comments/{id} before /pulls/{number}/{x}.
const parameters = (path) => (path.match(/\{/g) ?? []).length;
templates.sort((a, b) => parameters(a.path) - parameters(b.path));

const requests = new Map();
let unknown = 0;
for (const line of readFileSync(join(folder, "requests.jsonl"), "utf8").split("\n").filter(Boolean)) {
  const request = JSON.parse(line);
  if (!request.path.startsWith("/repos/") && request.path !== "/user" && request.path !== "/graphql") continue;
  const template = templates.find(
    ({ path, pattern }) => pattern.test(request.path) && whole.paths[path][request.method.toLowerCase()],
  );
  request.template = template?.path;
  if (!template) {
    console.log(`no such path: ${request.method} ${request.path}`);
    unknown += 1;
    continue;
  }
  requests.set(`${request.method} ${request.path}?${request.query} ${request.body}`, request);
}

const used = new Set([...requests.values()].map((request) => request.template));
const pruned = { ...whole, paths: {}, components: {} };
const wanted = [];
const collect = (value) => {
  if (Array.isArray(value)) value.forEach(collect);
  else if (value && typeof value === "object") {
    if (typeof value.$ref === "string") wanted.push(value.$ref);
    Object.values(value).forEach(collect);
  }
};
for (const path of used) {
  pruned.paths[path] = whole.paths[path];
  collect(whole.paths[path]);
}
while (wanted.length > 0) {
  const [, , kind, name] = wanted.pop().split("/");
  pruned.components[kind] ??= {};
  if (!(name in pruned.components[kind])) {
    pruned.components[kind][name] = whole.components[kind][name];
    collect(whole.components[kind][name]);
  }
}
delete pruned.webhooks;
delete pruned["x-webhooks"];
const description = join(folder, "pruned.json");
writeFileSync(description, JSON.stringify(pruned));

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const prism = spawn(
  join(folder, "node_modules/.bin/prism"),
  ["mock", "--host", "127.0.0.1", "--port", String(port), "--verboseLevel", "error", description],
  { stdio: ["ignore", "ignore", "inherit"] },
);
const base = `http://127.0.0.1:${port}`;
let isUp = false;
for (let i = 0; i < 240 && !isUp && prism.exitCode === null; i += 1) {
  isUp = await fetch(base).then(() => true, () => false);
  if (!isUp) await new Promise((resolve) => setTimeout(resolve, 250));
}

let refused = isUp ? 0 : 1;
const counts = new Map();
try {
  for (const { method, path, query, body, template } of isUp ? requests.values() : []) {
    const answer = await fetch(`${base}${path}${query ? "?" + query : ""}`, {
      method,
      body: body || undefined,
      headers: { "content-type": "application/json", accept: "application/vnd.github+json" },
    });
    const text = await answer.text();
    const violations = answer.headers.get("sl-violations");
    // Prism's own refusals name themselves; GitHub's 4xx examples do not.
    if (text.includes("stoplight.io/prism/errors") || violations?.includes('"request"')) {
      refused += 1;
      console.log(`refused: ${method} ${path} ${body.slice(0, 300)}\n  ${text.slice(0, 600)}`);
    }
    const key = `${method} ${template}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
} finally {
  prism.kill();
}
if (!isUp) console.log("Prism did not start");
for (const [key, n] of [...counts].sort()) console.log(`${String(n).padStart(5)}  ${key}`);
console.log(`${requests.size} distinct requests, ${refused} refused, ${unknown} unknown paths`);
process.exit(refused + unknown > 0 || requests.size === 0 ? 1 : 0);
