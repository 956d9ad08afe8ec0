"use strict";
/**
 * Runs Action code for the emulator. One JSON object a line on stdin, one a line on stdout:
 *   {id, op: "ping"}                                      -> {id}
 *   {id, op: "load", key, code, filename, directory}      -> {id, exports: [...]} or {id, error}
 *   {id, op: "run", key, handler, event, context}         -> {id, commands, redirect, metadata, console, error?}
 * api calls are recorded and applied by the parent when the handler has ended, except those that answer at once
 * (encodeToken, validateToken, canRedirect, cache, transaction metadata). Not a sandbox.
 */
const { AsyncLocalStorage } = require("node:async_hooks");
const crypto = require("node:crypto");
const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");
const util = require("node:util");
const vm = require("node:vm");

const DEFAULT_SESSION_TOKEN_SECONDS = 900;
const METADATA_LIMITS = { key: 64, value: 8 * 1024, total: 16 * 1024 };
const CACHE_LIMITS = { entries: 20, key: 64, value: 4096, total: 8192, ttl: 86_400_000, defaultTtl: 900_000 };
const NO_REDIRECT = ["oauth2-resource-owner", "oauth2-refresh-token", "oauth2-password", "oauth2-webauthn"];

const reply = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;

const runs = new AsyncLocalStorage();
const loaded = new Map();
const caches = new Map();

// --- the clock of the tenant, which tests move; Actions see it through Date ---
const RealDate = Date;
let offset = 0;
const now = () => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
});
RealDate.prototype.constructor = globalThis.Date;

// --- console: the first characters of each execution are kept ---
for (const level of ["log", "info", "warn", "error", "debug"]) {
  console[level] = (...args) => {
    const run = runs.getStore();
    if (run && run.console.length < run.consoleLimit) {
      run.console = (run.console + util.format(...args) + "\n").slice(0, run.consoleLimit);
    }
  };
}

// --- session tokens ---
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const sign = (text, secret) => crypto.createHmac("sha256", secret).update(text).digest("base64url");

function encodeToken(run, { secret, payload, expiresInSeconds }) {
  const { event } = run;
  const iat = Math.floor(now() / 1000);
  const claims = {
    iat,
    iss: event.request.hostname,
    sub: event.user.user_id,
    exp: iat + (expiresInSeconds ?? DEFAULT_SESSION_TOKEN_SECONDS),
    ip: event.request.ip,
    ...payload,
  };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${sign(text, secret)}`;
}

function parsePart(part) {
  try {
    const value = JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
    return value && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

function signatureMatches(parts, secret) {
  if (parts.length !== 3 || parsePart(parts[0]).alg !== "HS256") return false;
  const expected = Buffer.from(sign(`${parts[0]}.${parts[1]}`, secret));
  const actual = Buffer.from(parts[2]);
  return expected.length === actual.length && crypto.timingSafeEqual(expected, actual);
}

function expectedState({ query, body }, source) {
  if (source === "body") return body.state;
  if (source === "query") return query.state;
  return { ...query, ...body }.state;
}

const text = (value) => typeof value === "string" && value !== "";

function stateFault({ event, context }, claims) {
  const expected = expectedState(event.request, context.stateSource);
  const same = text(claims.state) && claims.state === expected;
  return same ? null : "State in the token does not match the /continue state.";
}

function tokenFault(run, parts, secret) {
  const { event, context } = run;
  const { texts } = context;
  const claims = parsePart(parts[1]);
  const state = stateFault(run, claims);
  if (state && context.stateFirst) return state;
  if (!signatureMatches(parts, secret)) return texts.signature;
  if (parsePart(parts[0]).typ !== "JWT") return texts.type;
  if (!text(claims.sub) || !text(claims.iss) || !Number.isFinite(claims.exp) || !Number.isFinite(claims.iat)) {
    return "Missing or invalid standard claims";
  }
  if (context.issuer !== null && claims.iss !== context.issuer) return "Missing or invalid standard claims";
  if (claims.exp + context.leeway <= now() / 1000) return texts.expired;
  if (claims.sub !== event.user.user_id) return texts.subject;
  return state;
}

function validateToken(run, { secret, tokenParameterName = "session_token" }) {
  const { query, body } = run.event.request;
  const token = { ...query, ...body }[tokenParameterName];
  if (token === undefined || token === null) {
    const fault = `There is no parameter called '${tokenParameterName}' available in either the POST body or query string.`;
    run.validations.push({ parameter: tokenParameterName, fault });
    throw new Error(fault);
  }
  const parts = String(token).split(".");
  const fault = tokenFault(run, parts, secret);
  run.validations.push({ parameter: tokenParameterName, fault });
  if (fault) throw new Error(`The session token is invalid: ${fault}`);
  return parsePart(parts[1]);
}

// --- what an Action may call ---
function jsonValue(value, name) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  if (text === undefined) throw new Error(`Unexpected ${name} format. Must be a valid JSON object`);
  return JSON.parse(text);
}

function setTransactionMetadata(run, key, value) {
  if (typeof key !== "string" || key === "" || key.length > METADATA_LIMITS.key) {
    throw new Error("Transaction metadata keys must be text of 1 to 64 characters.");
  }
  if (value === null || value === undefined) {
    delete run.metadata[key];
    return;
  }
  if (!["string", "number", "boolean"].includes(typeof value)) {
    throw new Error("Transaction metadata values must be a string, number or boolean.");
  }
  if (Buffer.byteLength(String(value)) > METADATA_LIMITS.value) {
    throw new Error("Transaction metadata values must not exceed 8 KB.");
  }
  const next = { ...run.metadata, [key]: value };
  if (Buffer.byteLength(JSON.stringify(next)) > METADATA_LIMITS.total) {
    throw new Error("Transaction metadata must not exceed 16 KB in total.");
  }
  run.metadata[key] = value;
}

function cacheApi(cache) {
  const live = (key) => {
    const entry = cache.get(key);
    if (entry && entry.expires_at > now()) return entry;
    cache.delete(key);
    return undefined;
  };
  const size = () => [...cache].reduce((sum, [key, { value }]) => sum + key.length + value.length, 0);
  return {
    get: (key) => live(key),
    delete: (key) => (cache.delete(key) ? { type: "success" } : { type: "error", code: "ItemNotFound" }),
    set: (key, value, { ttl = CACHE_LIMITS.defaultTtl, expires_at: expiresAt } = {}) => {
      [...cache.keys()].forEach(live);
      const isNew = !cache.has(key);
      if (Buffer.byteLength(key) > CACHE_LIMITS.key) return { type: "error", code: "CacheKeySizeExceeded" };
      if (Buffer.byteLength(value) > CACHE_LIMITS.value) return { type: "error", code: "ItemSizeExceeded" };
      if (isNew && cache.size >= CACHE_LIMITS.entries) return { type: "error", code: "CacheKeyCountExceeded" };
      if (size() + key.length + value.length > CACHE_LIMITS.total) {
        return { type: "error", code: "CacheSizeExceeded" };
      }
      const limit = now() + CACHE_LIMITS.ttl;
      const record = { value, expires_at: Math.min(expiresAt ?? now() + ttl, limit) };
      cache.set(key, record);
      return { type: "success", record };
    },
  };
}

function claimSetter(run, api, kind) {
  return (name, value) => {
    if (name === "scope") throw new Error('The "scope" claim cannot be set.');
    run.commands.push({ type: kind, name: String(name), value: value === undefined ? null : jsonValue(value, "claim") });
    return api;
  };
}

function buildApi(run, key) {
  const { event } = run;
  const api = {};
  const record = (command) => {
    run.commands.push(command);
    return api;
  };
  api.access = { deny: (reason) => record({ type: "deny", reason: String(reason ?? "") }) };
  api.user = {
    setAppMetadata: (name, value) =>
      record({ type: "app_metadata", name: String(name), value: jsonValue(value, "app_metadata") }),
    setUserMetadata: (name, value) =>
      record({ type: "user_metadata", name: String(name), value: jsonValue(value, "user_metadata") }),
  };
  api.idToken = { setCustomClaim: claimSetter(run, api, "id_claim") };
  api.accessToken = {
    setCustomClaim: claimSetter(run, api, "access_claim"),
    addScope: (scope) => record({ type: "add_scope", name: String(scope) }),
    removeScope: (scope) => record({ type: "remove_scope", name: String(scope) }),
  };
  api.transaction = {
    setMetadata: (name, value) => {
      setTransactionMetadata(run, name, value);
      return api;
    },
  };
  api.redirect = {
    encodeToken: (options) => encodeToken(run, options),
    validateToken: (options) => validateToken(run, options),
    canRedirect: () => event.request.query.prompt !== "none" && !NO_REDIRECT.includes(event.transaction.protocol),
    sendUserTo: (url, options = {}) => {
      const target = new URL(url);
      for (const [name, value] of Object.entries(options.query ?? {})) target.searchParams.set(name, value);
      run.redirect = target;
      return api;
    },
  };
  api.cache = cacheApi(caches.get(key));
  api.multifactor = { enable: () => api };
  api.rules = { wasExecuted: () => false };
  api.authentication = {};
  if (run.handler === "onContinuePostLogin") {
    api.authentication.recordMethod = (url) => record({ type: "method", name: String(url) });
  }
  return api;
}

// --- errors, with the place in the Action's own code ---
function syntaxPlace(stack, filename) {
  const [head, , marks = ""] = stack.split("\n");
  const line = head.startsWith(`${filename}:`) ? head.slice(filename.length + 1) : null;
  const column = marks.indexOf("^") + 1;
  return line && (column ? `${filename}:${line}:${column}` : `${filename}:${line}`);
}

function describe(error, filename) {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), where: null };
  const stack = String(error.stack ?? "");
  const at = stack.indexOf(`${filename}:`);
  const frame = at < 0 ? null : /^[^\n]*?:\d+:\d+/.exec(stack.slice(at));
  const where = error instanceof SyntaxError ? syntaxPlace(stack, filename) : frame && frame[0];
  return { name: error.name, message: error.message, where };
}

// --- operations ---
function load({ key, code, filename, directory }) {
  const module = { exports: {} };
  const entry = { exports: module.exports, filename, error: null };
  loaded.set(key, entry);
  caches.set(key, new Map());
  try {
    const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    const parameters = ["exports", "require", "module", "__filename", "__dirname"];
    const compiled = vm.compileFunction(code, parameters, { filename, importModuleDynamically });
    const requireFrom = createRequire(path.join(directory, "action.js"));
    compiled.call(module.exports, module.exports, requireFrom, module, filename, directory);
    entry.exports = module.exports;
    return { exports: Object.keys(entry.exports) };
  } catch (error) {
    entry.error = describe(error, filename);
    return { error: entry.error };
  }
}

async function run({ key, handler, event, context }) {
  const entry = loaded.get(key);
  if (entry.error) return { error: entry.error };
  if (typeof entry.exports[handler] !== "function") return { missing: true };
  offset = context.offset;
  if (context.dropCache) caches.get(key).clear();
  const metadata = event.transaction.metadata;
  const state = {
    event, context, handler, metadata,
    commands: [], validations: [], redirect: null, console: "", consoleLimit: context.consoleLimit,
  };
  let error;
  try {
    await runs.run(state, () => entry.exports[handler](event, buildApi(state, key)));
  } catch (thrown) {
    error = describe(thrown, entry.filename);
  }
  if (state.redirect) state.redirect.searchParams.set("state", context.nextState);
  return {
    commands: state.commands, validations: state.validations, metadata, console: state.console,
    redirect: state.redirect && state.redirect.href, error,
  };
}

const operations = { ping: () => ({}), load, run };

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const message = JSON.parse(line);
  const result = await operations[message.op](message);
  reply(`${JSON.stringify({ id: message.id, ...result })}\n`);
}).on("close", () => process.exit(0));
