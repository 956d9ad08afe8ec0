"use strict";
/**
 * A tenant in one file: what one login sees of Auth0 while the Action runs, written by hand after Auth0's public
 * Actions runtime. Redirect, resume, tokens, metadata and their limits act as on a tenant; nothing here is a mock.
 */

const assert = require("node:assert/strict");
const { createDecipheriv, createHmac, timingSafeEqual } = require("node:crypto");

const action = require("../../deploy/auth0/actions/waystation/code.js");

const NOW = Date.parse("2026-11-22T12:00:00Z");
const PAST = "2026-11-22T11:59:59Z";
const FUTURE = "2026-11-22T12:00:01Z";
const GATEWAY = "https://gateway.example/start/acme/login";
const PROFILE_KEY = Buffer.alloc(32, 7);
const SECRETS = {
  START_URL: GATEWAY,
  SESSION_TOKEN_SECRET: "session-secret-session-secret-32",
  ANSWER_TOKEN_SECRET: "answer-secret-answer-secret-3232",
  ANSWER_TOKEN_AUDIENCE: "acme",
  PROFILE_KEY: PROFILE_KEY.toString("base64url"),
  STEPS: "idproof:1",
};
const USER = {
  user_id: "auth0|656565",
  email: "ada@example.com",
  given_name: "Ada",
  family_name: "Lovelace",
  user_metadata: { birthdate: "1990-12-10" },
  app_metadata: {},
};
const CONNECTION = { id: "con_1", name: "Username-Password-Authentication", strategy: "auth0" };
const REQUEST = {
  hostname: "acme.eu.auth0.com",
  ip: "203.0.113.7",
  asn: "64500",
  user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0",
  geoip: { countryCode: "DE" },
  query: {},
  body: {},
};

/** A finished result of a step, as an answer token carries it. */
function result(changes = {}) {
  return {
    v: 1,
    rev: 1,
    status: "passed",
    level: "document_validated",
    at: "2026-11-22T11:30:00Z",
    until: "2027-11-22T11:30:00Z",
    reason: null,
    ref: "ver_1",
    ...changes,
  };
}

/** The same as it stands in app_metadata. */
function record(changes = {}) {
  return { ...result(), jti: "jti-of-an-earlier-login", ...changes };
}

class Login {
  /** Every part may be given anew, or left out with undefined. */
  constructor({ secrets = {}, user = {}, client = {}, transaction = {}, request = {}, ...more } = {}) {
    this.user = { ...structuredClone(USER), ...user };
    this.client = { client_id: "client1", name: "Acme Bank", metadata: {}, ...client };
    this.transaction = { id: "tx1", protocol: "oidc-basic-profile", prompt: [], ui_locales: [], ...transaction };
    this.request = { ...REQUEST, ...request };
    this.secrets = { ...SECRETS, ...secrets };
    this.configuration = more.configuration;
    this.connection = "connection" in more ? more.connection : CONNECTION;
    this.kept = {};
    this.canRedirect = () => true;
    this.validate = validate;
    this.forget();
  }

  forget() {
    this.denied = undefined;
    this.redirect = undefined;
    this.idClaims = {};
    this.accessClaims = {};
    this.written = {};
    this.tried = [];
    this.logged = [];
  }

  async execute() {
    await this.run("onExecutePostLogin", this.request);
    return this;
  }

  /** What the gateway was told: the query and claims of the redirect. */
  get session() {
    assert.ok(this.redirect, `no redirect; denied: ${this.denied}`);
    return decode(new URL(this.redirect).searchParams.get("session_token"), this.secrets.SESSION_TOKEN_SECRET);
  }

  get profile() {
    return openProfile(this.session.profile);
  }

  /** A right answer to what was asked; `changes` make it wrong. */
  answer(changes = {}) {
    const { jti, steps } = this.session;
    const now = Math.floor(NOW / 1000);
    const results = steps.map((step) => [step.split(":")[0], result({ v: Number(step.split(":")[1]) })]);
    const claims = {
      iss: "waystation",
      sub: this.user.user_id,
      aud: "acme",
      iat: now,
      exp: now + 120,
      state: "state-of-this-redirect",
      jti,
      v: 1,
      tx: "tx_1",
      outcome: "passed",
      metadata: "applied",
      steps: Object.fromEntries(results),
      ...changes,
    };
    return claims;
  }

  /** An answer whose one step `idproof` ended in `changes`. */
  answerWith(changes, claims = {}) {
    const idproof = result(changes);
    return this.answer({ steps: { idproof }, outcome: idproof.status, ...claims });
  }

  /** Resume with these claims signed, or with a token text as it is; no answer at all when undefined. */
  async resume(answer, { request = {}, secret = this.secrets.ANSWER_TOKEN_SECRET, state } = {}) {
    this.forget();
    const token = typeof answer === "object" ? encode(answer, secret) : answer;
    const body = token === undefined ? {} : { session_token: token };
    const query = { state: state ?? "state-of-this-redirect" };
    await this.run("onContinuePostLogin", { ...this.request, method: "POST", query, body, ...request });
    return this;
  }

  async run(handler, request) {
    const restore = { now: Date.now, log: console.log };
    Date.now = () => NOW;
    console.log = (...parts) => this.logged.push(parts.join(" "));
    try {
      await action[handler](this.event(request), this.api(request));
    } finally {
      Date.now = restore.now;
      console.log = restore.log;
    }
  }

  event(request) {
    const { user, client, secrets, configuration, connection } = this;
    const transaction = { ...this.transaction, metadata: this.kept };
    const event = { user, client, secrets, configuration, connection, request, transaction };
    return structuredClone(this.transaction.id === undefined ? { ...event, transaction: undefined } : event);
  }

  api(request) {
    const claims = (kept) => ({ setCustomClaim: (name, value) => void (kept[name] = value) });
    return {
      access: { deny: (reason) => void (this.denied ??= reason) },
      idToken: claims(this.idClaims),
      accessToken: claims(this.accessClaims),
      redirect: this.redirectApi(request),
      transaction: { setMetadata: (key, value) => this.keep(key, value) },
      user: { setAppMetadata: (key, value) => this.write(key, value) },
    };
  }

  redirectApi(request) {
    return {
      canRedirect: this.canRedirect,
      encodeToken: ({ secret, expiresInSeconds = 900, payload }) => {
        const iat = Math.floor(NOW / 1000);
        const { hostname: iss, ip } = request;
        return encode({ iat, iss, sub: this.user.user_id, exp: iat + expiresInSeconds, ip, ...payload }, secret);
      },
      sendUserTo: (text, { query = {} } = {}) => {
        const url = new URL(text);
        for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
        this.redirect = url.href;
      },
      validateToken: ({ secret, tokenParameterName = "session_token" }) => {
        this.tried.push(secret);
        const params = { ...request.query, ...request.body };
        return this.validate(params, { secret, tokenParameterName, user: this.user });
      },
    };
  }

  /** Transaction metadata: key 64 characters, value 8 KB, all of it 16 KB, null removes. */
  keep(key, value) {
    assert.ok(key.length <= 64 && Buffer.byteLength(String(value)) <= 8192);
    assert.ok(["string", "number", "boolean"].includes(typeof value) || value === null);
    if (value === null) delete this.kept[key];
    else this.kept[key] = value;
    assert.ok(Buffer.byteLength(JSON.stringify(this.kept)) <= 16384);
  }

  /** app_metadata: merged at the first level, also when the login is denied afterwards. */
  write(key, value) {
    assert.match(key, /^[^.$]+$/);
    this.written[key] = value;
    this.user.app_metadata = { ...this.user.app_metadata, [key]: structuredClone(value) };
  }

  /** The same person's next login. */
  next(changes = {}) {
    const { user, client, secrets, connection } = this;
    return new Login({ user: structuredClone(user), client, secrets, connection, ...changes }).execute();
  }
}

/** The checks and texts of Auth0's validateToken, in the order of the public runtime. */
function validate(params, { secret, tokenParameterName, user }) {
  const token = params[tokenParameterName];
  if (token === undefined) {
    throw new Error(
      `There is no parameter called '${tokenParameterName}' available in either the POST body or query string.`,
    );
  }
  const invalid = (why) => new Error(`The session token is invalid: ${why}`);
  const claims = decode(token, secret, invalid);
  for (const name of ["sub", "iss", "exp", "iat"]) {
    if (claims[name] === undefined) throw invalid("Missing or invalid standard claims");
  }
  if (claims.state !== params.state) throw invalid("State in the token does not match the /continue state.");
  if (claims.sub !== user.user_id) throw invalid("The sub claim does not match the user_id.");
  if (claims.exp <= NOW / 1000) throw invalid("Token has expired.");
  return claims;
}

/** A tenant that checks no more than the signature: of the rest not all is documented. */
function validateSignatureOnly(params, { secret, tokenParameterName }) {
  return decode(params[tokenParameterName], secret);
}

function encode(claims, secret, header = { alg: "HS256", typ: "JWT" }) {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function decode(token, secret, invalid = (why) => new Error(why)) {
  const [header, payload, signature] = token.split(".");
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature ?? "", "base64url");
  const { alg, typ } = JSON.parse(Buffer.from(header, "base64url"));
  const genuine = alg === "HS256" && given.length === expected.length && timingSafeEqual(given, expected);
  if (!genuine) throw invalid("Failed signature validation");
  if (typ !== "JWT") throw invalid("Unexpected token payload type");
  return JSON.parse(Buffer.from(payload, "base64url"));
}

/** Opens a compact JWE of `dir` and A256GCM, RFC 7516 appendix A turned round. */
function openProfile(jwe, key = PROFILE_KEY) {
  const [header, encryptedKey, nonce, text, tag] = jwe.split(".");
  assert.equal(encryptedKey, "");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"));
  decipher.setAAD(Buffer.from(header, "ascii"));
  decipher.setAuthTag(Buffer.from(tag, "base64url"));
  const plaintext = Buffer.concat([decipher.update(Buffer.from(text, "base64url")), decipher.final()]);
  return { header: JSON.parse(Buffer.from(header, "base64url")), fields: JSON.parse(plaintext) };
}

module.exports = {
  FUTURE,
  GATEWAY,
  Login,
  NOW,
  PAST,
  SECRETS,
  encode,
  openProfile,
  record,
  result,
  validateSignatureOnly,
};
