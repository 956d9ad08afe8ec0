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
 * | `password` is due                                        | as below, for `password` alone                     |
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

const { createCipheriv, createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, randomBytes, sign, verify } =
  require("node:crypto");

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
const LARGEST_RECORD = 800;
const LARGEST_DETAILS = 400;
const LONGEST_ANSWER = 16000;

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
  const mark = markOf(event, settings);
  const { steps, records, unsettled } = standing(event, settings, mark);
  refuseFailed(steps, records);
  const requested = stepsRequested(event, settings);
  const due = inOneRedirect(merge(unsettled, requested));
  const way = due.length === 0 ? "pass" : wayWithStepsDue(event, api, settings);
  debug(event, `login: ${way}`, due.map(written));
  if (way === "redirect") {
    sendToGateway(event, api, { settings, due, requested, mark });
  } else if (way === "pass" || way === "skip") {
    setClaims(api, settings, { steps: steps.filter((step) => !unsettled.includes(step)), records });
    setClaims(api, settings, { steps: unsettled.filter((step) => !hasPassed(records, step)), records });
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
  confirm(event, api, { settings, question, answer });
  refuseUnfinished(settings, question, answer);
  const others = stepsNotAsked(event, settings, question);
  setClaims(api, settings, { steps: question.steps, records: answer.results });
  setClaims(api, settings, others);
  debug(event, "resume: pass", question.steps.map(written));
}

// ---------------------------------------------------------------------------------------------------------------
// What is due: the settings, the application and the user name the steps; confirmed records answer for them
// ---------------------------------------------------------------------------------------------------------------

/** The steps of this login, the records that count for them, and which of them those records do not settle. */
function standing(event, settings, mark) {
  const steps = requiredSteps(event, settings);
  const records = countedRecords(event, settings, steps);
  const unsettled = steps.filter((step) => !isSettled(event, settings, { step, records, mark }));
  return { steps, records, unsettled };
}

function isSettled(event, settings, { step, records, mark }) {
  const record = records.get(step.name);
  if (step.name === "password") return isPasswordChanged(event, settings);
  if (step.name === "stepup") return isDone(record, step) && !isUnusual(event, settings, mark);
  return isDone(record, step);
}

function merge(steps, more) {
  const names = steps.map(({ name }) => name);
  return [...steps, ...more.filter(({ name }) => !names.includes(name))];
}

/** A changed password ends the session and with it this login: nothing else could be brought back. */
function inOneRedirect(due) {
  const password = due.filter(({ name }) => name === "password");
  return password.length > 0 ? password : due;
}

/**
 * STEPS, replaced by the application's `<ns>_steps` where it has one ("none" = nothing), less the user's `<ns>_skip`,
 * plus the user's `<ns>_require` and `<ns>_password_since`; no password where the login has none. A name without a
 * revision takes that of STEPS, else 1. What would loosen and cannot be read is ignored; what would tighten and
 * cannot be read denies.
 */
function requiredSteps(event, settings) {
  const required = new Map();
  for (const { name, revision } of stepsOfApplication(event, settings)) required.set(name, revision);
  for (const { name } of stepsSkippedForUser(event, settings)) required.delete(name);
  for (const { name, revision } of stepsRequiredOfUser(event, settings)) {
    required.set(name, Math.max(revision, required.get(name) ?? 1));
  }
  if (passwordSinceForUser(event, settings) !== null && !required.has("password")) {
    required.set("password", revisionOf("password", settings.steps));
  }
  if (!hasPassword(event.connection)) required.delete("password");
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

/** `<ns>_step` at /authorize: anybody can write it there, so it can only add, and only what STEPS_ON_REQUEST names. */
function stepsRequested(event, settings) {
  const asked = [event.request?.query?.[`${settings.namespace}_step`]].flat();
  return settings.stepsOnRequest.filter(({ name }) => asked.includes(name));
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

function hasPassed(records, { name }) {
  return records.get(name)?.status === "passed";
}

function refuseFailed(steps, records) {
  for (const { name } of steps) {
    const record = records.get(name);
    const failed = record !== undefined && record.status === "failed";
    if (failed && record.until !== null && isInFuture(record.until)) throw new Denial(`waystation_${name}_failed`);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// The password: due until it was changed after the demand. Its record need not be seen: it never comes to /continue
// ---------------------------------------------------------------------------------------------------------------

/** The connections with a password that its owner can change: Auth0's databases and the AD/LDAP connector. */
const PASSWORD_STRATEGIES = new Set(["auth0", "ad", "auth0-adldap"]);

function hasPassword(connection) {
  return !isText(connection?.strategy) || PASSWORD_STRATEGIES.has(connection.strategy);
}

function isPasswordChanged(event, settings) {
  const record = appMetadata(event)[`${settings.namespace}_password`];
  const recorded = isRecord(record) && record.status === "passed" ? record.at : undefined;
  const changes = [event.user.last_password_reset, recorded].filter(isInstant).map(Date.parse);
  const demands = [settings.passwordSince, passwordSinceForUser(event, settings)].filter(isInstant).map(Date.parse);
  return Math.max(...changes) > Math.max(0, ...demands);
}

function passwordSinceForUser(event, settings) {
  const key = `${settings.namespace}_password_since`;
  const since = appMetadata(event)[key] ?? null;
  if (since !== null && !isInstant(since)) throw new Denial(CONFIGURATION, [`app_metadata ${key}`]);
  return since;
}

// ---------------------------------------------------------------------------------------------------------------
// Verifying again: where and with what this person has done so before, as keyed digests
// ---------------------------------------------------------------------------------------------------------------

const STEPUP_PARTS = ["country", "network", "browser"];
const MOST_MARKS = 5;
const MARK = /^[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]{8}$/;

/** "country.network.browser", 48 bits each: without the key nobody can try the few countries that there are. */
function markOf(event, settings) {
  const { request, user } = event;
  const values = [request?.geoip?.countryCode, request?.asn, browserFamily(String(request?.user_agent ?? ""))];
  const key = Buffer.from(hkdfSync("sha256", settings.profileKey, "", "waystation stepup", 32));
  const digest = (value, index) => {
    const text = JSON.stringify([STEPUP_PARTS[index], user.user_id, String(value ?? "")]);
    return createHmac("sha256", key).update(text).digest("base64url").slice(0, 8);
  };
  return values.map(digest).join(".");
}

/** Without versions, or every update of a browser would be a new one. Others call themselves Chrome and Safari too. */
function browserFamily(userAgent) {
  const browsers = ["Edg", "OPR", "SamsungBrowser", "FxiOS", "Firefox", "CriOS", "Chrome", "Safari"];
  const systems = ["Android", "iPhone", "iPad", "Windows", "CrOS", "Macintosh", "Linux"];
  return [browsers, systems].map((names) => names.find((name) => userAgent.includes(name)) ?? "other").join("/");
}

function isUnusual(event, settings, mark) {
  const ruled = settings.stepupRules.some(({ always, acr }) => always || acrValues(event).includes(acr));
  const known = knownMarks(event, settings).map((text) => text.split("."));
  const now = mark.split(".");
  const compared = settings.stepupOn.map((part) => STEPUP_PARTS.indexOf(part));
  return ruled || compared.some((part) => !known.some((marks) => marks[part] === now[part]));
}

function acrValues(event) {
  return [event.transaction?.acr_values].flat();
}

function knownMarks(event, settings) {
  const known = appMetadata(event)[`${settings.namespace}_stepup_seen`]?.known;
  return Array.isArray(known) ? known.filter((text) => typeof text === "string" && MARK.test(text)) : [];
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

function sendToGateway(event, api, { settings, due, requested, mark }) {
  const jti = randomBytes(32).toString("base64url");
  const steps = due.map(written);
  const question = { jti, steps, mark, browser: browserMarks(event.request) };
  api.transaction.setMetadata(questionKey(settings), JSON.stringify(question));
  const payload = {
    v: 1,
    aud: settings.sessionAudience,
    jti,
    steps,
    ...(requested.length > 0 && { requested: namesOf(requested, due) }),
    entry: settings.startUrl.split("/").pop(),
    continue_uri: `${settings.continueOrigin ?? `https://${event.request.hostname}`}/continue`,
    client_id: event.client.client_id,
    protocol: event.transaction.protocol,
    ui_locales: wantedLocales(event.transaction),
    authorize: isDue(due, "password") ? repeatable(event) : undefined,
    profile: seal(profileFor(due, event, settings), { key: settings.profileKey, jti }),
  };
  const sessionToken = sessionTokenOf(event, api, { settings, payload });
  api.redirect.sendUserTo(settings.startUrl, { query: { session_token: sessionToken } });
}

/** `encodeToken` knows HS256 alone: with a private key we write what it would have written, and sign it ourselves. */
function sessionTokenOf(event, api, { settings, payload }) {
  const { sessionKey: key, sessionSecret: secret } = settings;
  if (key === null) return api.redirect.encodeToken({ secret, expiresInSeconds: SESSION_TOKEN_SECONDS, payload });
  const iat = Math.floor(Date.now() / 1000);
  const { hostname: iss, ip } = event.request;
  const claims = { iat, iss, sub: event.user.user_id, exp: iat + SESSION_TOKEN_SECONDS, ip, ...payload };
  const header = { alg: "RS256", typ: "JWT", kid: thumbprint(key) };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

/** What a key is called on both sides: RFC 7638. */
function thumbprint(key) {
  const { e, n } = key.export({ format: "jwk" });
  return createHash("sha256").update(JSON.stringify({ e, kty: "RSA", n })).digest("base64url");
}

function isDue(due, step) {
  return due.some(({ name }) => name === step);
}

function namesOf(requested, due) {
  return requested.map(({ name }) => name).filter((name) => isDue(due, name));
}

/** What an authorization request needs to be made again; `login_hint` is personal and goes nowhere in the clear. */
const REPEATED = ["response_type", "response_mode", "redirect_uri", "scope", "audience", "state", "nonce",
  "code_challenge", "code_challenge_method", "connection", "organization", "ui_locales", "acr_values", "max_age",
  "display", "screen_hint", "dpop_jkt"];
const LARGEST_REQUEST = 1600;

/** @returns {object | undefined} undefined: pushed, signed, of another protocol, or too long to carry */
function repeatable(event) {
  const query = isObject(event.request.query) ? event.request.query : {};
  const isOurs = query.redirect_uri !== undefined && query.redirect_uri === event.transaction.redirect_uri;
  const given = REPEATED.filter((name) => query[name] !== undefined && query[name] !== "");
  const isText = given.every((name) => typeof query[name] === "string" && !INVISIBLE.test(query[name]));
  if (!isOurs || !isText || query.request !== undefined || query.request_uri !== undefined) return undefined;
  const prompt = String(query.prompt ?? "").split(/\s+/).filter((word) => /^(?!none$|login$)[a-z_]+$/.test(word));
  const request = Object.fromEntries(given.map((name) => [name, query[name]]));
  if (prompt.length > 0) request.prompt = prompt.join(" ");
  return bytesOf(request) <= LARGEST_REQUEST ? request : undefined;
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

/** What each step needs; every one shows the masked account. */
const PROFILE_MEMBERS = {
  idproof: ["given_name", "family_name", "birthdate"],
  stepup: ["email_verified"],
  password: ["username", "connection"],
  profile: ["connection"],
};
const LONGEST_PROFILE_FIELD_BYTES = 300;
const LARGEST_PROFILE = 1100;

function profileFor(due, { user, connection }, settings) {
  const needed = new Set(["email", ...due.flatMap(({ name }) => PROFILE_MEMBERS[name] ?? [])]);
  const { email, given_name, family_name } = user;
  const members = {
    email: cleanText(email),
    email_verified: user.email_verified === true,
    given_name: cleanText(given_name),
    family_name: cleanText(family_name),
    birthdate: birthdateOf(user),
    username: cleanText(user.username) ?? cleanText(user.nickname),
    connection: connectionOf(connection),
  };
  const isSent = ([name, value]) => needed.has(name) && value !== undefined;
  const profile = Object.fromEntries(Object.entries(members).filter(isSent));
  if (isDue(due, "profile")) return { ...profile, ...attributesFor(profile, user, settings.profileFields) };
  const corrected = isDue(due, "idproof") ? settings.profileFields.filter((name) => CORRECTED_NAME.test(name)) : [];
  const whose = { ...profile, connection: members.connection };
  const { known } = attributesFor(whose, user, corrected);
  return Object.keys(known).length > 0 ? { ...whose, known } : profile;
}

/** Where the root attribute repeats what another provider says, the person's own word on it is here. */
const CORRECTED_NAME = /^user_metadata\.(given|family)_name$/;

/** What the person is asked to confirm, and the names of what they have that does not fit. */
function attributesFor(profile, user, names) {
  const known = {};
  const omitted = [];
  for (const name of names) {
    const value = attributeOf(user, name);
    if (value === undefined || value === null || value === "") continue;
    const grown = { ...profile, known: { ...known, [name]: value } };
    if (isPlain(value) && bytesOf(grown) <= LARGEST_PROFILE) known[name] = value;
    else omitted.push(name);
  }
  return { known, omitted };
}

function attributeOf(user, name) {
  const [, key] = /^user_metadata\.(.*)$/.exec(name) ?? [];
  if (key === undefined) return user[name];
  return isObject(user.user_metadata) && Object.hasOwn(user.user_metadata, key) ? user.user_metadata[key] : undefined;
}

function isPlain(value) {
  return typeof value === "boolean" || Number.isFinite(value) || cleanText(value) !== undefined;
}

function connectionOf(connection) {
  const name = cleanText(connection?.name);
  const strategy = cleanText(connection?.strategy);
  const fits = name?.length <= 128 && strategy?.length <= 64;
  return fits ? { name, strategy } : undefined;
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

/** The gateway takes tokens of up to 6,000 characters: an absurdly long value is left out, not cut. */
function cleanText(value) {
  const fits = isFilled(value) && !INVISIBLE.test(value) && bytesOf(value) <= LONGEST_PROFILE_FIELD_BYTES;
  return fits ? value : undefined;
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
  const { jti, steps, mark, browser } = JSON.parse(text);
  return { jti, steps: parseSteps(steps.join(","), { known: [] }), mark, browser };
}

/** @returns {{metadata: string, results: Map<string, object>}} a record per asked step, as it will be written */
function readAnswer(event, api, { settings, question }) {
  const token = validToken(event, api, settings);
  refuseIfAny(wrongClaims(token, { event, settings, question }));
  refuseIfAny(wrongResults(token, question));
  const results = question.steps.map(({ name }) => [name, recordOf(token.steps[name], token.jti)]);
  return { metadata: token.metadata, results: new Map(results) };
}

/** `validateToken` knows HS256 alone. Each kind of key is tried on its own kind of token, whatever a token may say. */
function validToken(event, api, { answerKeys, answerSecrets }) {
  const text = continueParameters(event.request).session_token;
  const claims = answerKeys.size > 0 ? claimsSignedBy(answerKeys, text) : undefined;
  if (claims !== undefined) return claims;
  if (answerSecrets.length > 0) return tokenWithSecret(api, answerSecrets);
  throw new Denial(INVALID_ANSWER, ["token refused"]);
}

/** A second secret, the one being rotated out, is tried only when the first one did not fit the signature. */
function tokenWithSecret(api, [secret, ...older]) {
  try {
    return api.redirect.validateToken({ secret });
  } catch (error) {
    if (older.length > 0 && /signature/i.test(error?.message)) return tokenWithSecret(api, older);
    throw new Denial(INVALID_ANSWER, ["token refused"]);
  }
}

/** The claims of an RS256 token, if one of these keys has signed it: the one that its header names. */
function claimsSignedBy(keys, text) {
  if (typeof text !== "string" || text.length > LONGEST_ANSWER) return undefined;
  const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text) ?? [];
  const { alg, typ, kid, ...more } = objectIn(header) ?? {};
  const key = keys.get(kid);
  if (alg !== "RS256" || typ !== "JWT" || Object.keys(more).length > 0 || key === undefined) return undefined;
  const genuine = verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"));
  return genuine ? objectIn(payload) : undefined;
}

function objectIn(part) {
  try {
    const value = JSON.parse(Buffer.from(part, "base64url"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
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
  return continueParameters(request).state;
}

/** As `validateToken` reads them. */
function continueParameters(request) {
  return { ...request.query, ...request.body };
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
  if (!isResult(result) || result.v < step.revision || bytesOf(result) > LARGEST_RECORD) return false;
  return result.status !== "passed" || isDone(result, step);
}

function recordOf(result, jti) {
  const { v, rev, status, at, until } = result;
  const { level = null, reason = null, ref = null, details } = result;
  return { v, rev, status, level, at, until, reason, ref, jti, ...(details !== undefined && { details }) };
}

function refuseOtherBrowser(event, settings, question) {
  const now = browserMarks(event.request);
  const compared = { off: [], browser: ["agent", "country"], network: ["agent", "country", "network"] };
  const changed = compared[settings.browserCheck].filter((mark) => now[mark] !== question.browser?.[mark]);
  if (changed.length > 0) throw new Denial(WRONG_BROWSER, changed);
}

function confirm(event, api, { settings, question, answer }) {
  for (const [name, record] of answer.results) {
    const known = name === "stepup" ? { known: marksAfter(event, settings, { question, record }) } : {};
    const key = `${settings.namespace}_${name}_seen`;
    if (record.status !== "abandoned") api.user.setAppMetadata(key, { ...record, ...known });
  }
}

/** A place is known once the person has verified there; the one not seen for longest gives way. */
function marksAfter(event, settings, { question, record }) {
  const known = knownMarks(event, settings);
  if (record.status !== "passed") return known;
  return [question.mark, ...known.filter((mark) => mark !== question.mark)].slice(0, MOST_MARKS);
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
  const { steps, records, unsettled } = standing(event, settings, question.mark);
  const isOther = ({ name }) => !isDue(question.steps, name);
  const others = steps.filter(isOther);
  refuseFailed(others, records);
  refuseIfAny(unsettled.filter(isOther).map(({ name }) => `${name} not asked`));
  return { steps: others, records };
}

// ---------------------------------------------------------------------------------------------------------------
// Claims
// ---------------------------------------------------------------------------------------------------------------

/** A pass that is out of date sets no claim: an application that looks at `status` alone must not be misled. */
function setClaims(api, settings, { steps, records }) {
  for (const step of steps) {
    const record = records.get(step.name);
    if (record === undefined || (record.status === "passed" && !isDone(record, step))) continue;
    const { status, level = null, at, until, details } = record;
    const claim = `${settings.claimsNamespace}${step.name}`;
    const value = { status, level, at, until, ...(details !== undefined && { details }) };
    api.idToken.setCustomClaim(claim, value);
    api.accessToken.setCustomClaim(claim, value);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Settings: read anew at each run, every mistake collected, only their names ever told
// ---------------------------------------------------------------------------------------------------------------

/**
 * What `./dev package` makes the forms of the packages and the README's table from. `@secret` stays hidden in a
 * dashboard, `@setting` does not; in brackets whether it must be given, else what counts without it.
 *
 * @setting START_URL (required) Gateway address: `https://GATEWAY/start/TENANT/ENTRY`; several Actions in one login
 *   need different entries
 * @secret SESSION_TOKEN_SECRET (required unless SESSION_TOKEN_PRIVATE_KEY) Session token secret: signs what we send;
 *   32 bytes or more
 * @secret SESSION_TOKEN_PRIVATE_KEY (none) Session token private key: signs what we send with RS256 instead; PKCS #8,
 *   RSA, 2048 to 4096 bits, as PEM or as the base64 inside of it
 * @setting SESSION_TOKEN_AUDIENCE (waystation) Session token audience: its `aud`
 * @secret ANSWER_TOKEN_SECRET (required unless ANSWER_TOKEN_PUBLIC_KEYS) Answer token secret: verifies what comes back;
 *   32 bytes or more
 * @secret ANSWER_TOKEN_SECRET_PREVIOUS (none) Previous answer token secret: also accepted while secrets are rotated;
 *   tried only after a signature failure
 * @setting ANSWER_TOKEN_PUBLIC_KEYS (none) Answer token public keys: verify what comes back signed with RS256; the
 *   gateway's, as PEM or as the base64 inside of it, separated by commas; five at most
 * @setting ANSWER_TOKEN_ISSUER (waystation) Answer token issuer: the answer's `iss`
 * @setting ANSWER_TOKEN_AUDIENCE (required) Answer token audience: the answer's `aud`; the tenant's key is a good one
 * @secret PROFILE_KEY (required) Profile key: base64url of 32 bytes; encrypts the personal fields
 * @setting STEPS (required) Steps: `name:revision,…`, for example `terms:3,idproof:1`; `none` asks for nothing of its
 *   own
 * @setting STEPS_ON_REQUEST (none) Steps on request: steps that a login may ask for itself, below; as `STEPS`
 * @setting PROFILE_FIELDS (given_name,family_name,phone_number,user_metadata.birthdate) Profile fields: what the step
 *   `profile` is told: root attributes and `user_metadata.KEY`; at most 20 names and 300 characters; `idproof` is told
 *   of `user_metadata.given_name` and `user_metadata.family_name` if they are among them
 * @setting PASSWORD_SINCE (none) Password changed since: `password` is due for whoever has not changed it since then,
 *   `2026-11-22T00:00:00Z`
 * @setting STEPUP_ON (country,network,browser) Usual logins: which of these must be known for a login to be usual
 * @setting STEPUP_RULES (none) Step-up rules: what makes `stepup` due in a usual login too: `always`, `acr=VALUE`
 *   (`acr_values` has it)
 * @setting ON_BLOCKED (*=deny,oauth2-refresh-token=skip,prompt-none=redirect) Blocked logins: what to do where no
 *   redirect is possible, below
 * @setting ON_PENDING (deny, allow) Pending steps: `allow` lets a pending step through; its claim says `pending`, and
 *   the next login asks again
 * @setting BROWSER_CHECK (browser, network, off) Browser check: which marks must be the same at resume: `browser` =
 *   user agent and country, `network` = also the network, `off` = none
 * @setting CONTINUE_ORIGIN (none) Origin to continue at: where the answer goes, by default `https://` + the login's
 *   host; only for tenants that do not answer on https and port 443
 * @setting NAMESPACE (waystation) Metadata namespace: prefix of every metadata key
 * @setting CLAIMS_NAMESPACE (https://waystation.dev/) Claims namespace: prefix of every claim; https, ends with `/`,
 *   not a domain of Auth0
 * @setting DEBUG (off, on) Debug log: `on` (or `true`, `1`, `yes`) logs one line a decision, names only
 */
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
    sessionSecret: read("SESSION_TOKEN_SECRET", parseSecret, null),
    sessionKey: read("SESSION_TOKEN_PRIVATE_KEY", parsePrivateKey, null),
    sessionAudience: read("SESSION_TOKEN_AUDIENCE", parseName, "waystation"),
    answerSecrets: [
      read("ANSWER_TOKEN_SECRET", parseSecret, null),
      read("ANSWER_TOKEN_SECRET_PREVIOUS", parseSecret, null),
    ].filter((secret) => secret !== null),
    answerKeys: read("ANSWER_TOKEN_PUBLIC_KEYS", parsePublicKeys, new Map()),
    answerIssuer: read("ANSWER_TOKEN_ISSUER", parseName, "waystation"),
    answerAudience: read("ANSWER_TOKEN_AUDIENCE", parseName),
    profileKey: read("PROFILE_KEY", parseKey),
    steps: read("STEPS", (text) => parseSteps(text, {})),
    stepsOnRequest: read("STEPS_ON_REQUEST", (text) => parseSteps(text, {}), []),
    profileFields: read("PROFILE_FIELDS", parseProfileFields, parseProfileFields(PROFILE_FIELDS)),
    passwordSince: read("PASSWORD_SINCE", parseInstant, null),
    stepupOn: read("STEPUP_ON", parseStepupOn, STEPUP_PARTS),
    stepupRules: read("STEPUP_RULES", parseStepupRules, []),
    onBlocked: read("ON_BLOCKED", parseOnBlocked, parseOnBlocked("*=deny")),
    onPending: read("ON_PENDING", oneOf("deny", "allow"), "deny"),
    browserCheck: read("BROWSER_CHECK", oneOf("browser", "network", "off"), "browser"),
    continueOrigin: read("CONTINUE_ORIGIN", parseOrigin, null),
    namespace: read("NAMESPACE", parseNamespace, "waystation"),
    claimsNamespace: read("CLAIMS_NAMESPACE", parseClaimsNamespace, "https://waystation.dev/"),
  };
  mistakes.push(...mistakesOfKeys(settings));
  if (mistakes.length > 0) throw new Denial(CONFIGURATION, mistakes);
  return settings;
}

/** One that is undefined cannot be read, and is among the mistakes already. */
function mistakesOfKeys({ sessionSecret, sessionKey, answerSecrets, answerKeys }) {
  const wrong = {
    SESSION_TOKEN_SECRET: sessionSecret === null && sessionKey === null,
    ANSWER_TOKEN_SECRET: answerSecrets.length === 0 && answerKeys?.size === 0,
    "one secret for both directions": isText(sessionSecret) && answerSecrets.includes(sessionSecret),
    "one key for both directions": isObject(sessionKey) && answerKeys?.has(thumbprint(sessionKey)),
  };
  return Object.keys(wrong).filter((name) => wrong[name]);
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
  return { name, revision: revisionOf(name, known) };
}

function revisionOf(name, known) {
  return known.find((step) => step.name === name)?.revision ?? 1;
}

function written({ name, revision }) {
  return `${name}:${revision}`;
}

const PROFILE_FIELDS = "given_name,family_name,phone_number,user_metadata.birthdate";
const ROOT_ATTRIBUTE = /^((given_|family_|user)?name|nickname|phone_number|picture|email)$/;
const OWN_ATTRIBUTE = /^user_metadata\.[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** 300 characters in all: the names of what does not fit travel too. */
function parseProfileFields(text) {
  const names = listOf(text);
  const isShort = names.length <= 20 && names.join().length <= 300;
  const areNames = names.every((name) => ROOT_ATTRIBUTE.test(name) || OWN_ATTRIBUTE.test(name));
  return isShort && areNames && new Set(names).size === names.length ? names : undefined;
}

function parseStepupOn(text) {
  const parts = listOf(text);
  return parts.every((part) => STEPUP_PARTS.includes(part)) ? parts : undefined;
}

/** "always", or "acr=VALUE" for logins whose `acr_values` have that value. */
function parseStepupRules(text) {
  const rules = listOf(text).map((rule) => {
    const [, acr] = /^acr=(\S+)$/.exec(rule) ?? [];
    return rule === "always" ? { always: true } : { acr };
  });
  return rules.every(({ always, acr }) => always || acr !== undefined) ? rules : undefined;
}

function listOf(text) {
  return text.split(",").map((entry) => entry.trim());
}

function parseInstant(text) {
  return isInstant(text) ? text : undefined;
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
  const loopback = url.protocol === "http:" && /^(127(\.\d{1,3}){3}|[a-z0-9-]+\.localhost)$/.test(url.hostname);
  return url.protocol === "https:" || loopback ? url : undefined;
}

function parseSecret(text) {
  return Buffer.byteLength(text) >= 32 ? text : undefined;
}

function parsePrivateKey(text) {
  return rsaKey(text, createPrivateKey, "pkcs8");
}

/** @returns {Map<string, object> | undefined} by the name that token headers call a key */
function parsePublicKeys(text) {
  const keys = listOf(text).map((one) => rsaKey(one, createPublicKey, "spki"));
  return keys.includes(undefined) || keys.length > 5 ? undefined : new Map(keys.map((key) => [thumbprint(key), key]));
}

/** Forms may lose a PEM's line breaks; what is between its first and last line is the key all the same. */
function rsaKey(text, create, type) {
  const der = Buffer.from(text.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
  try {
    const key = create({ key: der, format: "der", type });
    const bits = key.asymmetricKeyType === "rsa" ? key.asymmetricKeyDetails.modulusLength : 0;
    return bits >= 2048 && bits <= 4096 ? key : undefined;
  } catch {
    return undefined;
  }
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
  const texts = [value.level, value.reason, value.ref].every(isTextOrNothing);
  return numbers && instants && texts && (value.details === undefined || isDetails(value.details));
}

/** What only one step has to say, flat and small. */
function isDetails(value) {
  if (!isObject(value) || Object.keys(value).length > 10 || bytesOf(value) > LARGEST_DETAILS) return false;
  const isName = (name) => /^[a-z][a-z0-9_]{0,39}$/.test(name);
  const isValue = (one) => isText(one) || typeof one === "boolean" || Number.isSafeInteger(one);
  return Object.keys(value).every(isName) && Object.values(value).every(isValue);
}

function bytesOf(value) {
  return Buffer.byteLength(JSON.stringify(value));
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
