"use strict";
/**
 * Waystation: the Auth0 post-login Action.
 *
 * It decides which steps a login still owes, sends the browser to the gateway when there are some, and on the way
 * back lets the login through only on a signed answer. It makes no HTTP call and needs no package.
 *
 * | at login (onExecutePostLogin)                            | decision                                           |
 * |----------------------------------------------------------|----------------------------------------------------|
 * | a setting is missing or malformed                        | deny waystation_configuration                      |
 * | a required step failed and its `until` is in the future  | deny waystation_<step>_failed                      |
 * | every required step is done                              | let through, claims from the counted records       |
 * | a step is due, the login is a browser's                  | redirect (prompt=none: Auth0 itself then answers   |
 * |                                                          | interaction_required, which SDKs know how to take) |
 * | a step is due, no redirect is possible                   | ON_BLOCKED: deny waystation_redirect_impossible,   |
 * |                                                          | or skip                                            |
 *
 * | at resume (onContinuePostLogin)                          | decision                             | writes `_seen` |
 * |----------------------------------------------------------|--------------------------------------|----------------|
 * | no answer, or not one to this very question              | deny waystation_invalid_answer       | no             |
 * | another browser than the one that left                   | deny waystation_wrong_browser        | no             |
 * | the answer says metadata "failed"                        | deny waystation_metadata_failed      | no             |
 * | a step failed, declined, pending or abandoned            | deny waystation_<step>_<status>      | yes            |
 * | a step pending, ON_PENDING=allow                         | let through, the claim says pending  | yes            |
 * | all passed                                               | let through, claims from the answer  | yes            |
 *
 * Anything unforeseen denies. An abandoned step is the one result that is never written: nothing was learned.
 */

const { createCipheriv, createHash, randomBytes } = require("node:crypto");

const CONFIGURATION = "waystation_configuration";
const REDIRECT_IMPOSSIBLE = "waystation_redirect_impossible";
const INVALID_ANSWER = "waystation_invalid_answer";
const WRONG_BROWSER = "waystation_wrong_browser";
const METADATA_FAILED = "waystation_metadata_failed";

const SESSION_TOKEN_SECONDS = 120;
const LONGEST_ANSWER_SECONDS = 300;
const CLOCK_SKEW_SECONDS = 60;
const MOST_STEPS = 10;
const LONGEST_TEXT = 255;

// ---------------------------------------------------------------------------------------------------------------
// Entry points
// ---------------------------------------------------------------------------------------------------------------

exports.onExecutePostLogin = async (event, api) => {
  denyUnlessDecided(event, api, { decide: decideLogin, otherwise: CONFIGURATION });
};

exports.onContinuePostLogin = async (event, api) => {
  denyUnlessDecided(event, api, { decide: decideResume, otherwise: INVALID_ANSWER });
};

/** A login that must not go on; `reason` is what the application sees, `details` name what was wrong, never a value. */
class Denial extends Error {
  constructor(reason, details = []) {
    super(reason);
    this.reason = reason;
    this.details = details;
  }
}

function denyUnlessDecided(event, api, { decide, otherwise }) {
  try {
    decide(event, api);
  } catch (error) {
    const foreseen = error instanceof Denial;
    const reason = foreseen ? error.reason : otherwise;
    debug(event, `deny ${reason}`, foreseen ? error.details : ["unforeseen"]);
    api.access.deny(reason);
  }
}

function decideLogin(event, api) {
  const settings = readSettings(event);
  const steps = requiredSteps(event, settings);
  const records = countedRecords(event, settings, steps);
  refuseFailed(steps, records);
  const due = steps.filter((step) => !isDone(records.get(step.name), step));
  const way = due.length === 0 ? "pass" : wayWithStepsDue(event, api, settings);
  debug(event, `login: ${way}`, due.map(written));
  if (way === "redirect") {
    sendToGateway(event, api, { settings, due });
  } else if (way === "pass" || way === "skip") {
    setClaims(api, settings, { steps, records });
  } else {
    throw new Denial(REDIRECT_IMPOSSIBLE);
  }
}

function decideResume(event, api) {
  const settings = readSettings(event);
  const question = takeQuestion(event, api, settings);
  const answer = readAnswer(event, api, { settings, question });
  refuseOtherBrowser(event, settings, question);
  if (answer.metadata === "failed") throw new Denial(METADATA_FAILED);
  confirm(api, settings, answer);
  refuseUnfinished(settings, question, answer);
  const others = stepsNotAsked(event, settings, question);
  setClaims(api, settings, { steps: question.steps, records: answer.results });
  setClaims(api, settings, others);
  debug(event, "resume: pass", question.steps.map(written));
}

// ---------------------------------------------------------------------------------------------------------------
// What is due: the settings, the application and the user name the steps; confirmed records answer for them
// ---------------------------------------------------------------------------------------------------------------

/**
 * STEPS, replaced by the application's `<ns>_steps` where it has one ("none" = nothing), less the user's `<ns>_skip`,
 * plus the user's `<ns>_require`. A name without a revision takes that of STEPS, else 1. What would loosen and cannot
 * be read is ignored; what would tighten and cannot be read denies.
 */
function requiredSteps(event, settings) {
  const required = new Map();
  for (const { name, revision } of stepsOfApplication(event, settings)) required.set(name, revision);
  for (const { name } of stepsSkippedForUser(event, settings)) required.delete(name);
  for (const { name, revision } of stepsRequiredOfUser(event, settings)) {
    required.set(name, Math.max(revision, required.get(name) ?? 1));
  }
  if (required.size > MOST_STEPS) throw new Denial(CONFIGURATION, ["too many steps"]);
  return [...required].map(([name, revision]) => ({ name, revision }));
}

function stepsOfApplication(event, settings) {
  const key = `${settings.namespace}_steps`;
  const text = event.client?.metadata?.[key];
  if (text === undefined || text === null) return settings.steps;
  const steps = parseSteps(text, { known: settings.steps });
  if (steps === undefined) throw new Denial(CONFIGURATION, [`client metadata ${key}`]);
  return steps;
}

function stepsRequiredOfUser(event, settings) {
  const key = `${settings.namespace}_require`;
  const text = appMetadata(event)[key];
  if (text === undefined || text === null) return [];
  const steps = parseSteps(text, { known: settings.steps });
  if (steps === undefined) throw new Denial(CONFIGURATION, [`app_metadata ${key}`]);
  return steps;
}

function stepsSkippedForUser(event, settings) {
  return parseSteps(appMetadata(event)[`${settings.namespace}_skip`], { known: [] }) ?? [];
}

function appMetadata(event) {
  return isObject(event.user?.app_metadata) ? event.user.app_metadata : {};
}

function countedRecords(event, settings, steps) {
  const metadata = appMetadata(event);
  return new Map(steps.map(({ name }) => [name, countedRecord(metadata, `${settings.namespace}_${name}`)]));
}

/**
 * Only what this Action has seen itself counts: `<ns>_<step>` alone may have been earned by somebody else in this
 * user's transaction. It overrides what was seen as the later verdict of the same question: same jti, higher rev.
 * A later verdict that cannot be read leaves nothing that counts.
 */
function countedRecord(metadata, key) {
  const seen = metadata[`${key}_seen`];
  if (!isRecord(seen)) return undefined;
  const later = metadata[key];
  if (!isObject(later) || later.jti !== seen.jti || !isCount(later.rev) || later.rev <= seen.rev) return seen;
  return isRecord(later) ? later : undefined;
}

function isDone(record, step) {
  if (record === undefined || record.status !== "passed" || record.v < step.revision) return false;
  return record.until === null || isInFuture(record.until);
}

function refuseFailed(steps, records) {
  for (const { name } of steps) {
    const record = records.get(name);
    const failed = record !== undefined && record.status === "failed";
    if (failed && record.until !== null && isInFuture(record.until)) throw new Denial(`waystation_${name}_failed`);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Whether a browser is there to be sent away
// ---------------------------------------------------------------------------------------------------------------

/** The protocols with a browser in front; every other one, also one that Auth0 adds later, counts as blocked. */
const BROWSER_PROTOCOLS = new Set([
  "oidc-basic-profile",
  "oidc-implicit-profile",
  "oidc-hybrid-profile",
  "oauth2-access-token",
  "samlp",
  "wsfed",
]);

/** @returns "redirect", "deny" or "skip" */
function wayWithStepsDue(event, api, settings) {
  const protocol = event.transaction?.protocol;
  const whenBlocked = settings.onBlocked.get(protocol) ?? settings.onBlocked.get("*");
  if (!BROWSER_PROTOCOLS.has(protocol)) return whenBlocked;
  if (isSilent(event)) return settings.onBlocked.get("prompt-none");
  return api.redirect.canRedirect?.() === false ? whenBlocked : "redirect";
}

function isSilent(event) {
  return [event.transaction?.prompt, event.request?.query?.prompt].flat().includes("none");
}

// ---------------------------------------------------------------------------------------------------------------
// The redirect: the question is kept with the transaction, and goes to the gateway in the session token
// ---------------------------------------------------------------------------------------------------------------

function sendToGateway(event, api, { settings, due }) {
  const jti = randomBytes(32).toString("base64url");
  const steps = due.map(written);
  const question = { jti, steps, browser: browserMarks(event.request) };
  api.transaction.setMetadata(questionKey(settings), JSON.stringify(question));
  const sessionToken = api.redirect.encodeToken({
    secret: settings.sessionSecret,
    expiresInSeconds: SESSION_TOKEN_SECONDS,
    payload: {
      v: 1,
      aud: settings.sessionAudience,
      jti,
      steps,
      entry: settings.startUrl.split("/").pop(),
      continue_uri: `${settings.continueOrigin ?? `https://${event.request.hostname}`}/continue`,
      client_id: event.client.client_id,
      protocol: event.transaction.protocol,
      ui_locales: wantedLocales(event.transaction),
      profile: seal(profileFor(due, event.user), { key: settings.profileKey, jti }),
    },
  });
  api.redirect.sendUserTo(settings.startUrl, { query: { session_token: sessionToken } });
}

function questionKey(settings) {
  return `${settings.namespace}_question`;
}

/** The user agent as a digest: its length is the browser's choice, transaction metadata takes 8 KB. */
function browserMarks(request) {
  return {
    agent: createHash("sha256").update(String(request.user_agent ?? "")).digest("base64url"),
    country: String(request.geoip?.countryCode ?? ""),
    network: String(request.asn ?? ""),
  };
}

function wantedLocales(transaction) {
  const locales = Array.isArray(transaction.ui_locales) ? transaction.ui_locales : [];
  return locales.filter((locale) => isText(locale) && /^[A-Za-z0-9-]{1,35}$/.test(locale)).slice(0, 5);
}

/** Every step shows the masked account; the proof of identity compares the document with the rest. */
const PROFILE_FIELDS = new Map([["idproof", ["email", "given_name", "family_name", "birthdate"]]]);
const LONGEST_PROFILE_FIELD_BYTES = 300;

function profileFor(due, user) {
  const needed = new Set(due.flatMap(({ name }) => PROFILE_FIELDS.get(name) ?? ["email"]));
  const { email, given_name, family_name } = user;
  const fields = { email, given_name, family_name, birthdate: birthdateOf(user) };
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => needed.has(name) && fitsProfile(value)));
}

/** A date that the calendar does not have is none: the gateway would refuse the whole profile for it. */
function birthdateOf(user) {
  const birthdate = user.user_metadata?.birthdate;
  if (typeof birthdate !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(birthdate)) return undefined;
  const instant = Date.parse(`${birthdate}T00:00:00Z`);
  const exists = !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(birthdate);
  return exists ? birthdate : undefined;
}

/** Control characters, separators, bidirectional overrides and half characters: no name has them. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** The gateway takes tokens of up to 4,096 characters: an absurdly long value is left out, not cut. */
function fitsProfile(value) {
  if (typeof value !== "string" || value === "" || INVISIBLE.test(value)) return false;
  return Buffer.byteLength(JSON.stringify(value)) <= LONGEST_PROFILE_FIELD_BYTES;
}

/** Compact JWE, RFC 7516: direct key, A256GCM; the protected header ties it to this question. */
function seal(profile, { key, jti }) {
  const header = Buffer.from(JSON.stringify({ alg: "dir", enc: "A256GCM", jti })).toString("base64url");
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(header));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(profile), "utf8"), cipher.final()]);
  const parts = [nonce, sealed, cipher.getAuthTag()].map((part) => part.toString("base64url"));
  return [header, "", ...parts].join(".");
}

// ---------------------------------------------------------------------------------------------------------------
// The resume: an answer counts when it answers our question, in the browser that was asked
// ---------------------------------------------------------------------------------------------------------------

/** Taken, not read: should the tenant ever accept a second /continue, there is no question left to answer. */
function takeQuestion(event, api, settings) {
  const text = event.transaction?.metadata?.[questionKey(settings)];
  if (typeof text !== "string") throw new Denial(INVALID_ANSWER, ["nothing was asked"]);
  api.transaction.setMetadata(questionKey(settings), null);
  const { jti, steps, browser } = JSON.parse(text);
  return { jti, steps: parseSteps(steps.join(","), { known: [] }), browser };
}

/** @returns {{metadata: string, results: Map<string, object>}} a record per asked step, as it will be written */
function readAnswer(event, api, { settings, question }) {
  const token = validToken(api, settings.answerSecrets);
  refuseIfAny(wrongClaims(token, { event, settings, question }));
  refuseIfAny(wrongResults(token, question));
  const results = question.steps.map(({ name }) => [name, recordOf(token.steps[name], token.jti)]);
  return { metadata: token.metadata, results: new Map(results) };
}

/** A second secret, the one being rotated out, is tried only when the first one did not fit the signature. */
function validToken(api, [secret, ...older]) {
  try {
    return api.redirect.validateToken({ secret });
  } catch (error) {
    if (older.length > 0 && /signature/i.test(error?.message)) return validToken(api, older);
    throw new Denial(INVALID_ANSWER, ["token refused"]);
  }
}

function refuseIfAny(wrong) {
  if (wrong.length > 0) throw new Denial(INVALID_ANSWER, wrong);
}

/** validateToken checks some of these as well; what it checks on a live tenant is not all documented. */
function wrongClaims(token, { event, settings, question }) {
  if (!isObject(token)) return ["token"];
  const now = Math.floor(Date.now() / 1000);
  const right = {
    v: token.v === 1,
    iss: token.iss === settings.answerIssuer,
    aud: token.aud === settings.answerAudience,
    sub: isText(token.sub) && token.sub === event.user.user_id,
    state: isFilled(token.state) && token.state === continueState(event.request),
    jti: isText(token.jti) && token.jti === question.jti,
    tx: isText(token.tx),
    iat: isCount(token.iat) && token.iat <= now + CLOCK_SKEW_SECONDS,
    exp: isCount(token.exp) && token.exp > now && token.exp - token.iat <= LONGEST_ANSWER_SECONDS,
    metadata: ["applied", "carried", "failed"].includes(token.metadata),
    steps: isObject(token.steps),
  };
  return Object.keys(right).filter((name) => !right[name]);
}

function continueState(request) {
  return { ...request.query, ...request.body }.state;
}

/** Exactly the asked steps, each answered in full, none below the revision that was asked. */
function wrongResults(token, question) {
  const names = question.steps.map(({ name }) => name);
  const unasked = Object.keys(token.steps).some((name) => !names.includes(name));
  const wrong = question.steps.filter((step) => !answersStep(token.steps, step)).map(({ name }) => `step ${name}`);
  const statuses = Object.values(token.steps).map((result) => result?.status);
  const allPassed = statuses.every((status) => status === "passed");
  const outcome = statuses.includes(token.outcome) && (token.outcome === "passed") === allPassed;
  return [...wrong, ...(unasked ? ["unasked step"] : []), ...(outcome ? [] : ["outcome"])];
}

function answersStep(results, step) {
  const result = results[step.name];
  if (!isResult(result) || result.v < step.revision) return false;
  return result.status !== "passed" || isDone(result, step);
}

function recordOf(result, jti) {
  const { v, rev, status, at, until } = result;
  const { level = null, reason = null, ref = null } = result;
  return { v, rev, status, level, at, until, reason, ref, jti };
}

function refuseOtherBrowser(event, settings, question) {
  const now = browserMarks(event.request);
  const compared = { off: [], browser: ["agent", "country"], network: ["agent", "country", "network"] };
  const changed = compared[settings.browserCheck].filter((mark) => now[mark] !== question.browser?.[mark]);
  if (changed.length > 0) throw new Denial(WRONG_BROWSER, changed);
}

function confirm(api, settings, answer) {
  for (const [name, record] of answer.results) {
    if (record.status !== "abandoned") api.user.setAppMetadata(`${settings.namespace}_${name}_seen`, record);
  }
}

function refuseUnfinished(settings, question, answer) {
  const goodEnough = settings.onPending === "allow" ? ["passed", "pending"] : ["passed"];
  for (const { name } of question.steps) {
    const { status } = answer.results.get(name);
    if (!goodEnough.includes(status)) throw new Denial(`waystation_${name}_${status}`);
  }
}

/** Steps that were done when the browser left must still be: a verdict or a flag may have come meanwhile. */
function stepsNotAsked(event, settings, question) {
  const asked = question.steps.map(({ name }) => name);
  const steps = requiredSteps(event, settings).filter(({ name }) => !asked.includes(name));
  const records = countedRecords(event, settings, steps);
  refuseFailed(steps, records);
  refuseIfAny(steps.filter((step) => !isDone(records.get(step.name), step)).map(({ name }) => `${name} not asked`));
  return { steps, records };
}

// ---------------------------------------------------------------------------------------------------------------
// Claims
// ---------------------------------------------------------------------------------------------------------------

/** A pass that is out of date sets no claim: an application that looks at `status` alone must not be misled. */
function setClaims(api, settings, { steps, records }) {
  for (const step of steps) {
    const record = records.get(step.name);
    if (record === undefined || (record.status === "passed" && !isDone(record, step))) continue;
    const { status, level = null, at, until } = record;
    const claim = `${settings.claimsNamespace}${step.name}`;
    api.idToken.setCustomClaim(claim, { status, level, at, until });
    api.accessToken.setCustomClaim(claim, { status, level, at, until });
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Settings: read anew at each run, every mistake collected, only their names ever told
// ---------------------------------------------------------------------------------------------------------------

function readSettings(event) {
  const mistakes = [];
  const read = (name, parse, fallback) => {
    const text = settingText(event, name);
    const value = text === undefined ? fallback : parse(text);
    if (value === undefined) mistakes.push(name);
    return value;
  };
  const settings = {
    startUrl: read("START_URL", parseStartUrl),
    sessionSecret: read("SESSION_TOKEN_SECRET", parseSecret),
    sessionAudience: read("SESSION_TOKEN_AUDIENCE", parseName, "waystation"),
    answerSecrets: [
      read("ANSWER_TOKEN_SECRET", parseSecret),
      read("ANSWER_TOKEN_SECRET_PREVIOUS", parseSecret, null),
    ].filter((secret) => secret !== null),
    answerIssuer: read("ANSWER_TOKEN_ISSUER", parseName, "waystation"),
    answerAudience: read("ANSWER_TOKEN_AUDIENCE", parseName),
    profileKey: read("PROFILE_KEY", parseKey),
    steps: read("STEPS", (text) => parseSteps(text, {})),
    onBlocked: read("ON_BLOCKED", parseOnBlocked, parseOnBlocked("*=deny")),
    onPending: read("ON_PENDING", oneOf("deny", "allow"), "deny"),
    browserCheck: read("BROWSER_CHECK", oneOf("off", "browser", "network"), "browser"),
    continueOrigin: read("CONTINUE_ORIGIN", parseOrigin, null),
    namespace: read("NAMESPACE", parseNamespace, "waystation"),
    claimsNamespace: read("CLAIMS_NAMESPACE", parseClaimsNamespace, "https://waystation.dev/"),
  };
  const shared = settings.sessionSecret !== undefined && settings.answerSecrets.includes(settings.sessionSecret);
  if (shared) mistakes.push("one secret for both directions");
  if (mistakes.length > 0) throw new Denial(CONFIGURATION, mistakes);
  return settings;
}

function settingText(event, name) {
  const value = event.configuration?.[name] ?? event.secrets?.[name];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/**
 * "terms:3,idproof:1", or "none". With `known` a name may stand without its revision.
 * @returns {Array<{name: string, revision: number}> | undefined} undefined: malformed
 */
function parseSteps(text, { known }) {
  if (typeof text !== "string") return undefined;
  if (text.trim() === "none") return [];
  const steps = text.split(",").map((entry) => parseStep(entry.trim(), known));
  const names = new Set(steps.map((step) => step?.name));
  return names.has(undefined) || names.size < steps.length ? undefined : steps;
}

/** `steps`, `skip` and `require` would share an app_metadata key with the flags of requiredSteps. */
function parseStep(entry, known) {
  const [, name, revision] = /^([a-z][a-z0-9-]{0,31})(?::([1-9][0-9]{0,5}))?$/.exec(entry) ?? [];
  if (name === undefined || ["none", "steps", "skip", "require"].includes(name)) return undefined;
  if (revision !== undefined) return { name, revision: Number(revision) };
  if (known === undefined) return undefined;
  return { name, revision: known.find((step) => step.name === name)?.revision ?? 1 };
}

function written({ name, revision }) {
  return `${name}:${revision}`;
}

/** "*=deny,oauth2-refresh-token=skip": entries stand over these defaults; `prompt-none` may also be "redirect". */
function parseOnBlocked(text) {
  const ways = new Map([
    ["*", "deny"],
    ["oauth2-refresh-token", "skip"],
    ["prompt-none", "redirect"],
  ]);
  for (const entry of text.split(",")) {
    const [, protocol, way] = /^(\*|[a-z0-9-]+)=(deny|skip|redirect)$/.exec(entry.trim()) ?? [];
    if (protocol === undefined || (way === "redirect" && protocol !== "prompt-none")) return undefined;
    ways.set(protocol, way);
  }
  return ways;
}

function parseStartUrl(text) {
  const url = parseUrl(text);
  if (url === undefined || url.origin + url.pathname !== text) return undefined;
  return /^\/start\/[a-z0-9-]{1,40}\/[a-z0-9-]{1,32}$/.test(url.pathname) ? text : undefined;
}

function parseOrigin(text) {
  return parseUrl(text)?.origin === text ? text : undefined;
}

function parseClaimsNamespace(text) {
  const url = parseUrl(text);
  const foreign = url === undefined || /(^|\.)(auth0\.com|webtask\.io|webtask\.run)$/.test(url.hostname);
  return !foreign && text.endsWith("/") && text.length <= LONGEST_TEXT ? text : undefined;
}

/** https, or http on this very machine, which is where the tenant emulator lives. */
function parseUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  const loopback = url.protocol === "http:" && /^127(\.\d{1,3}){3}$/.test(url.hostname);
  return url.protocol === "https:" || loopback ? url : undefined;
}

function parseSecret(text) {
  return Buffer.byteLength(text) >= 32 ? text : undefined;
}

function parseKey(text) {
  return /^[A-Za-z0-9_-]{43}=?$/.test(text) ? Buffer.from(text, "base64url") : undefined;
}

function parseName(text) {
  return isText(text) ? text : undefined;
}

function parseNamespace(text) {
  return /^[a-z][a-z0-9_]{0,31}$/.test(text) ? text : undefined;
}

function oneOf(...choices) {
  return (text) => (choices.includes(text) ? text : undefined);
}

// ---------------------------------------------------------------------------------------------------------------
// Exact types, and the debug log
// ---------------------------------------------------------------------------------------------------------------

const STATUSES = new Set(["passed", "failed", "declined", "pending", "abandoned"]);

function isRecord(value) {
  return isResult(value) && isText(value.jti);
}

/** `until` must be said, if only as null: a result without one would be good for ever by accident. */
function isResult(value) {
  if (!isObject(value) || !STATUSES.has(value.status)) return false;
  const numbers = isCount(value.v) && isCount(value.rev);
  const instants = isInstant(value.at) && (value.until === null || isInstant(value.until));
  return numbers && instants && [value.level, value.reason, value.ref].every(isTextOrNothing);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

function isFilled(value) {
  return typeof value === "string" && value !== "";
}

function isText(value) {
  return isFilled(value) && value.length <= LONGEST_TEXT;
}

function isTextOrNothing(value) {
  return value === undefined || value === null || isText(value);
}

function isInstant(value) {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value)) return false;
  return !Number.isNaN(Date.parse(value));
}

function isInFuture(instant) {
  return Date.parse(instant) > Date.now();
}

/** Names of decisions, settings, claims and steps only: nothing of the user, no value of a setting. */
function debug(event, decision, names = []) {
  const on = ["1", "on", "true", "yes"].includes(settingText(event, "DEBUG")?.toLowerCase());
  if (on) console.log(["waystation", decision, names.join(", ")].filter((part) => part !== "").join(" | "));
}
