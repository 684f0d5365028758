// Reads requests.jsonl in the folder named by the first argument, prunes GitHub's descriptions of its interface, of
// github.com and of GitHub Enterprise Server, to the paths they use, starts Prism on each, sends every distinct
// request, and fails if Prism refuses one.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const DESCRIPTIONS = ["api.github.com", "ghes-3.17", "ghes-3.19"];
const folder = process.argv[2];
const recorded = readFileSync(join(folder, "requests.jsonl"), "utf8").split("\n").filter(Boolean);

/** Path templates of a description, fixed words before parameters: /pulls/comments/{id} before /pulls/{number}/{x}. */
function templatesOf(whole) {
  const parameters = (path) => (path.match(/\{/g) ?? []).length;
  return Object.keys(whole.paths)
    .map((path) => ({
      path,
      pattern: new RegExp("^" + path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+") + "$"),
    }))
    .sort((a, b) => parameters(a.path) - parameters(b.path));
}

/** The distinct requests to paths that `whole` describes, and how many are to others. */
function requestsFor(whole) {
  const templates = templatesOf(whole);
  const requests = new Map();
  const unknown = new Set();
  for (const line of recorded) {
    const request = JSON.parse(line);
    request.path = request.path.replace(/^\/api\/v3\//, "/");
    if (!request.path.startsWith("/repos/") && request.path !== "/user") continue;
    const template = templates.find(
      ({ path, pattern }) => pattern.test(request.path) && whole.paths[path][request.method.toLowerCase()],
    );
    if (!template) {
      unknown.add(`${request.method} ${request.path}`);
      continue;
    }
    request.template = template.path;
    // What differs in the log, the time, or the name of the run alone is one request.
    const body = request.body.replace(/"(sarif|started_at|external_id)":"[^"]*"/g, '"$1":""');
    requests.set(`${request.method} ${request.path}?${request.query} ${body}`, request);
  }
  return { requests: [...requests.values()], unknown };
}

/** `whole` with the paths of `requests` alone, and what those refer to. */
function prune(whole, requests) {
  const pruned = { ...whole, paths: {}, components: {} };
  const wanted = [];
  const collect = (value) => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (value && typeof value === "object") {
      if (typeof value.$ref === "string") wanted.push(value.$ref);
      Object.values(value).forEach(collect);
    }
  };
  for (const path of new Set(requests.map((request) => request.template))) {
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
  return pruned;
}

async function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Why Prism refuses a request; nothing if it does not. */
async function refusal(base, { method, path, query, body }) {
  const answer = await fetch(`${base}${path}${query ? "?" + query : ""}`, {
    method,
    body: body || undefined,
    // The description names no GitHub media type, which GitHub recommends to accept.
    headers: { "content-type": "application/json", accept: "application/json" },
  });
  const text = await answer.text();
  const violations = answer.headers.get("sl-violations");
  // Prism's own refusals name themselves; GitHub's 4xx examples do not.
  const isRefused = text.includes("stoplight.io/prism/errors") || violations?.includes('"request"');
  return isRefused ? text : undefined;
}

/** Sends all requests; returns how many were refused. */
async function send(base, requests, counts) {
  let refused = 0;
  for (const request of requests) {
    const { method, path, body, template } = request;
    const why = await refusal(base, request);
    if (why !== undefined) {
      refused += 1;
      console.log(`refused: ${method} ${path} ${body.slice(0, 200)}\n  ${why.slice(0, 600)}`);
    }
    const key = `${method} ${template}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return refused;
}

/** Holds the recorded requests against one description; returns whether all are as it wants them. */
async function hold(name) {
  const file = join(folder, `node_modules/@octokit/openapi/generated/${name}.json`);
  const whole = JSON.parse(readFileSync(file, "utf8"));
  const { requests, unknown } = requestsFor(whole);
  for (const path of unknown) console.log(`no such path: ${path}`);
  const description = join(folder, "pruned.json");
  writeFileSync(description, JSON.stringify(prune(whole, requests)));
  const port = await freePort();
  const prism = spawn(
    join(folder, "node_modules/.bin/prism"),
    ["mock", "--host", "127.0.0.1", "--port", String(port), "--verboseLevel", "error", description],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const base = `http://127.0.0.1:${port}`;
  const counts = new Map();
  let refused = 0;
  try {
    let isUp = false;
    for (let i = 0; i < 240 && !isUp && prism.exitCode === null; i += 1) {
      isUp = await fetch(base).then(() => true, () => false);
      if (!isUp) await new Promise((resolve) => setTimeout(resolve, 250));
    }
    if (!isUp) throw new Error("Prism did not start");
    refused = await send(base, requests, counts);
    const wrong = { method: "POST", path: "/repos/o/r/code-scanning/sarifs", body: '{"ref":"main"}' };
    if ((await refusal(base, wrong)) === undefined) throw new Error("Prism refuses nothing");
  } finally {
    prism.kill();
  }
  for (const [key, n] of [...counts].sort()) console.log(`${String(n).padStart(5)}  ${key}`);
  console.log(`${name}: ${requests.length} distinct requests, ${refused} refused, ${unknown.size} unknown paths`);
  return requests.length > 0 && refused + unknown.size === 0;
}

let isHeld = true;
for (const name of DESCRIPTIONS) isHeld = (await hold(name)) && isHeld;
process.exit(isHeld ? 0 : 1);
