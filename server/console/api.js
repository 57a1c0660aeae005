// The server that this page came from. Paths are relative, so that the console also works behind a prefix.

let token = "";

export function setToken(text) {
  token = text;
}

/** A refusal: the title and detail of its problem document, and the faults if it names some. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.errors = problem.errors || [];
  }
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    reply = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch {
    throw new Refusal(0, { detail: "the server does not answer" });
  }
  if (!reply.ok) throw new Refusal(reply.status, await reply.json().catch(() => ({})));
  return reply;
}

const post = (path, body) => ask(path, { method: "POST", body, headers: { "Content-Type": "application/json" } });
const of = name => `v1/models/${encodeURIComponent(name)}`;

export const models = async () => (await (await ask("v1/models")).json()).models;
export const model = async name => (await ask(of(name))).json();
export const report = async name => (await ask(`${of(name)}/report`)).text();
export const warmup = async name => (await (await ask(`${of(name)}/warmup`)).json()).requests;
export const metrics = async () => (await ask("metrics")).text();
export const slow = async () => (await (await ask("v1/slow")).json()).requests;
export const dataPort = async () => (await (await ask("openapi.json")).json()).servers[0].url;

export async function reload(name, version) {
  return (await post(`${of(name)}/reload`, version === null ? "" : JSON.stringify({ version }))).json();
}

/** {answer, timing}: the answer of a ranking, and the milliseconds of its stages. */
export async function rank(name, body) {
  const reply = await post(`${of(name)}/try`, JSON.stringify(body));
  const timing = {};
  for (const part of (reply.headers.get("Server-Timing") || "").split(",")) {
    const found = /^\s*(\w+);dur=([0-9.]+)/.exec(part);
    if (found) timing[found[1]] = Number(found[2]);
  }
  return { answer: await reply.json(), timing };
}

export async function isReady() {
  try {
    return (await fetch("readyz", { cache: "no-store" })).ok ? "ready" : "not ready";
  } catch {
    return "unreachable";
  }
}
