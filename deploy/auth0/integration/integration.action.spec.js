"use strict";
// Made by ./dev package from tests/auth0_action. Runs with Jest, and with `node --test` alone.

const { test } = globalThis.expect ? globalThis : require("node:test");

const support = (() => {
/**
 * A tenant in one file: what one login sees of Auth0 while the Action runs, written by hand after Auth0's public
 * Actions runtime. Redirect, resume, tokens, metadata and their limits act as on a tenant; nothing here is a mock.
 */

const assert = require("node:assert/strict");
const { createDecipheriv, createHmac, timingSafeEqual } = require("node:crypto");

const action = require("./integration.action.js");

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

return {
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
})();

(() => {
/** What is due at a login, and what lets a login through at once. */

const assert = require("node:assert/strict");

const { FUTURE, Login, PAST, record } = support;

const CLAIM = "https://waystation.dev/idproof";
const DONE = {
  status: "passed",
  level: "document_validated",
  at: "2026-11-22T11:30:00Z",
  until: "2027-11-22T11:30:00Z",
};

function withMetadata(app_metadata, more = {}) {
  return new Login({ ...more, user: { app_metadata } }).execute();
}

test("a person without a record is asked for every step of STEPS", async () => {
  const login = await new Login({ secrets: { STEPS: "terms:3, idproof:1" } }).execute();
  assert.deepEqual(login.session.steps, ["terms:3", "idproof:1"]);
  assert.equal(login.denied, undefined);
});

test("a confirmed pass that is still good lets the login through with its claims on both tokens", async () => {
  const login = await withMetadata({ waystation_idproof_seen: record() });
  assert.equal(login.redirect, undefined);
  assert.deepEqual(login.idClaims, { [CLAIM]: DONE });
  assert.deepEqual(login.accessClaims, { [CLAIM]: DONE });
});

test("only the steps that are not done are asked", async () => {
  const secrets = { STEPS: "terms:3,idproof:1" };
  const login = await withMetadata({ waystation_idproof_seen: record() }, { secrets });
  assert.deepEqual(login.session.steps, ["terms:3"]);
});

for (const [promise, changes] of [
  ["without an end is good for ever", { until: null }],
  ["is good until its last second", { until: FUTURE }],
  ["of a newer revision is good for an older demand", { v: 2 }],
]) {
  test(`a pass that ${promise}`, async () => {
    const login = await withMetadata({ waystation_idproof_seen: record(changes) });
    assert.equal(login.redirect, undefined);
    assert.equal(login.denied, undefined);
  });
}

for (const [what, changes] of [
  ["out of date", { until: PAST }],
  ["pending", { status: "pending" }],
  ["declined", { status: "declined" }],
  ["abandoned", { status: "abandoned" }],
  ["failed, with retry_after over", { status: "failed", until: PAST }],
  ["failed, without a wait", { status: "failed", until: null }],
  ["of a status nobody knows", { status: "approved" }],
  ["of a status that is a list", { status: ["passed"] }],
  ["of a revision that is text", { v: "1" }],
  ["of a revision that is infinite", { v: Infinity }],
  ["of revision 0", { v: 0 }],
  ["of a rev that is negative", { rev: -1 }],
  ["of a rev that is missing", { rev: undefined }],
  ["without saying until when", { until: undefined }],
  ["until a day that does not exist", { until: "2027-13-45T99:00:00Z" }],
  ["until something that is no instant", { until: "for ever" }],
  ["until a number", { until: 4102444800000 }],
  ["until an empty text", { until: "" }],
  ["until true", { until: true }],
  ["at no instant", { at: "yesterday" }],
  ["without the question it answered", { jti: undefined }],
  ["with an empty question", { jti: "" }],
  ["with a level that is an object", { level: {} }],
]) {
  test(`a record ${what} counts for nothing: the step is asked`, async () => {
    const login = await withMetadata({ waystation_idproof_seen: record(changes) });
    assert.deepEqual(login.session.steps, ["idproof:1"]);
  });
}

for (const junk of [null, true, 1, "passed", [], [record()], {}]) {
  test(`a record that is ${JSON.stringify(junk).slice(0, 20)} counts for nothing`, async () => {
    const login = await withMetadata({ waystation_idproof_seen: junk });
    assert.deepEqual(login.session.steps, ["idproof:1"]);
  });
}

for (const junk of [undefined, null, "x", 7, [], [{ waystation_idproof_seen: record() }]]) {
  test(`app_metadata that is ${JSON.stringify(junk)?.slice(0, 10)} means nothing is confirmed`, async () => {
    const login = await withMetadata(junk);
    assert.deepEqual(login.session.steps, ["idproof:1"]);
  });
}

test("a demand of a higher revision asks again", async () => {
  const login = await withMetadata({ waystation_idproof_seen: record() }, { secrets: { STEPS: "idproof:2" } });
  assert.deepEqual(login.session.steps, ["idproof:2"]);
});

test("metadata that was applied without an answer counts for nothing: the transplant is asked again", async () => {
  const login = await withMetadata({ waystation_idproof: record({ rev: 9 }) });
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

test("somebody else's result in the same account neither helps nor destroys a confirmed one", async () => {
  const foreign = record({ rev: 9, status: "failed", until: FUTURE, jti: "jti-of-the-transplant" });
  const login = await withMetadata({ waystation_idproof: foreign, waystation_idproof_seen: record() });
  assert.deepEqual(login.idClaims, { [CLAIM]: DONE });
});

test("a verdict that came later on the same question replaces what was seen", async () => {
  const seen = record({ status: "pending", until: null, rev: 1 });
  const login = await withMetadata({ waystation_idproof: record({ rev: 2 }), waystation_idproof_seen: seen });
  assert.deepEqual(login.idClaims, { [CLAIM]: DONE });
});

for (const rev of [1, 2, "3", 2.5, null]) {
  test(`a verdict of the same question with rev ${JSON.stringify(rev)} leaves what was seen at 2`, async () => {
    const later = record({ rev });
    const seen = record({ status: "pending", until: null, rev: 2 });
    const login = await withMetadata({ waystation_idproof: later, waystation_idproof_seen: seen });
    assert.deepEqual(login.session.steps, ["idproof:1"]);
  });
}

test("a later verdict that cannot be read leaves nothing that counts", async () => {
  const later = record({ rev: 2, status: "revoked" });
  const login = await withMetadata({ waystation_idproof: later, waystation_idproof_seen: record() });
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

test("a failed step is refused at once while its wait runs", async () => {
  const login = await withMetadata({ waystation_idproof_seen: record({ status: "failed", until: FUTURE }) });
  assert.equal(login.denied, "waystation_idproof_failed");
  assert.equal(login.redirect, undefined);
});

test("a failure that came later on the same question is refused, also at a refresh", async () => {
  const metadata = {
    waystation_idproof: record({ rev: 2, status: "failed", until: FUTURE }),
    waystation_idproof_seen: record({ rev: 1 }),
  };
  const login = await withMetadata(metadata, { transaction: { protocol: "oauth2-refresh-token" } });
  assert.equal(login.denied, "waystation_idproof_failed");
});

test("an application with its own steps replaces those of the setting", async () => {
  const client = { metadata: { waystation_steps: "terms:4,idproof" } };
  const login = await new Login({ client, secrets: { STEPS: "idproof:2" } }).execute();
  assert.deepEqual(login.session.steps, ["terms:4", "idproof:2"]);
});

test("an application can ask for nothing", async () => {
  const login = await new Login({ client: { metadata: { waystation_steps: "none" } } }).execute();
  assert.equal(login.redirect, undefined);
  assert.equal(login.denied, undefined);
  assert.deepEqual(login.idClaims, {});
});

for (const hostile of ["", " ", ",", "none,idproof", "idproof:0", "idproof:-1", "idproof:1,idproof:2", "__proto__",
  "idproof;terms", "IDPROOF", "idproof:1:2", "idproof:1e3", "seen_x", "require", "steps:1", 5, {}, ["none"], true]) {
  test(`application metadata ${JSON.stringify(hostile)} is refused, not read as nothing`, async () => {
    const login = await new Login({ client: { metadata: { waystation_steps: hostile } } }).execute();
    assert.equal(login.denied, "waystation_configuration");
    assert.equal(login.redirect, undefined);
  });
}

test("a flag of the user adds a step, and raises a revision but never lowers it", async () => {
  const metadata = { waystation_require: "terms:2,idproof:1" };
  const login = await withMetadata(metadata, { secrets: { STEPS: "idproof:3" } });
  assert.deepEqual(login.session.steps, ["idproof:3", "terms:2"]);
});

test("a flag of the user adds a step where the application asks for nothing", async () => {
  const client = { metadata: { waystation_steps: "none" } };
  const login = await withMetadata({ waystation_require: "idproof" }, { client });
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

test("a flag of the user takes a step away", async () => {
  const secrets = { STEPS: "terms:3,idproof:1" };
  const login = await withMetadata({ waystation_skip: "idproof" }, { secrets });
  assert.deepEqual(login.session.steps, ["terms:3"]);
});

test("a step that is both required and skipped is required", async () => {
  const login = await withMetadata({ waystation_skip: "idproof", waystation_require: "idproof" });
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

for (const junk of [true, 1, {}, ["idproof"], "*", "idproof,,", "IDPROOF"]) {
  test(`a skip flag of ${JSON.stringify(junk)} skips nothing`, async () => {
    const login = await withMetadata({ waystation_skip: junk });
    assert.deepEqual(login.session.steps, ["idproof:1"]);
  });

  test(`a require flag of ${JSON.stringify(junk)} refuses the login, for nobody knows what it asks`, async () => {
    const login = await withMetadata({ waystation_require: junk, waystation_idproof_seen: record() });
    assert.equal(login.denied, "waystation_configuration");
  });
}

test("more steps than a token should carry are refused", async () => {
  const waystation_require = Array.from({ length: 10 }, (_, index) => `step${index}`).join(",");
  const login = await withMetadata({ waystation_require });
  assert.equal(login.denied, "waystation_configuration");
});

test("a namespace of one's own moves every key and claim", async () => {
  const secrets = { NAMESPACE: "acme_idv", CLAIMS_NAMESPACE: "https://claims.acme.example/" };
  const login = await withMetadata({ acme_idv_idproof_seen: record() }, { secrets });
  assert.deepEqual(login.idClaims, { "https://claims.acme.example/idproof": DONE });
});
})();

(() => {
/** What leaves for the gateway, what is kept, and the logins that cannot be sent anywhere. */

const assert = require("node:assert/strict");

const { GATEWAY, Login, PAST, openProfile, record } = support;

const ADA = { email: "ada@example.com", given_name: "Ada", family_name: "Lovelace", birthdate: "1990-12-10" };

test("the browser goes to START_URL with nothing but the session token", async () => {
  const login = await new Login().execute();
  const url = new URL(login.redirect);
  assert.equal(url.origin + url.pathname, GATEWAY);
  assert.deepEqual([...url.searchParams.keys()], ["session_token"]);
});

test("the session token says who, where, which steps and where to go on, for 120 seconds", async () => {
  const login = await new Login({ transaction: { ui_locales: ["de-CH", "en"] } }).execute();
  const { jti, profile, ...claims } = login.session;
  assert.match(jti, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(profile.split(".").length, 5);
  assert.deepEqual(claims, {
    iss: "acme.eu.auth0.com",
    sub: "auth0|656565",
    iat: 1795348800,
    exp: 1795348920,
    ip: "203.0.113.7",
    v: 1,
    aud: "waystation",
    steps: ["idproof:1"],
    entry: "login",
    continue_uri: "https://acme.eu.auth0.com/continue",
    client_id: "client1",
    protocol: "oidc-basic-profile",
    ui_locales: ["de-CH", "en"],
  });
});

test("the continue address can be pinned", async () => {
  for (const origin of ["http://127.0.0.1:5001", "http://tenant.localhost:4000"]) {
    const login = await new Login({ secrets: { CONTINUE_ORIGIN: origin } }).execute();
    assert.equal(login.session.continue_uri, `${origin}/continue`);
  }
});

test("two logins never ask the same question", async () => {
  const [one, two] = [await new Login().execute(), await new Login().execute()];
  assert.notEqual(one.session.jti, two.session.jti);
});

test("personal fields travel only encrypted, tied to the question by the protected header", async () => {
  const login = await new Login().execute();
  const { header, fields } = login.profile;
  assert.deepEqual(header, { alg: "dir", enc: "A256GCM", jti: login.session.jti });
  assert.deepEqual(fields, ADA);
  const clear = Buffer.from(new URL(login.redirect).searchParams.get("session_token").split(".")[1], "base64url");
  for (const value of Object.values(ADA)) assert.ok(!clear.toString().includes(value));
});

test("a profile that was touched does not open", async () => {
  const login = await new Login().execute();
  const [header, ...rest] = login.session.profile.split(".");
  const other = Buffer.from(JSON.stringify({ alg: "dir", enc: "A256GCM", jti: "x" })).toString("base64url");
  assert.throws(() => openProfile([other, ...rest].join(".")));
  assert.throws(() => openProfile([header, ...rest].join("."), Buffer.alloc(32, 8)));
});

test("a step that needs no name sends only the account", async () => {
  const login = await new Login({ secrets: { STEPS: "terms:3" } }).execute();
  assert.deepEqual(login.profile.fields, { email: "ada@example.com" });
});

test("what the user does not have, or has in a wrong form, is left out", async () => {
  const user = { email: undefined, given_name: 5, family_name: "", user_metadata: { birthdate: "10.12.1990" } };
  const login = await new Login({ user }).execute();
  assert.deepEqual(login.profile.fields, {});
});

for (const given_name of ["A\u0000da", "A\nda", "A\u202eda", "Ada\ud800"]) {
  test(`a name with an invisible character stays out: ${JSON.stringify(given_name)}`, async () => {
    const login = await new Login({ user: { given_name } }).execute();
    assert.deepEqual(Object.keys(login.profile.fields), ["email", "family_name", "birthdate"]);
  });
}

for (const user_metadata of [
  undefined,
  null,
  "x",
  { birthdate: null },
  { birthdate: ["1990-12-10"] },
  { birthdate: "1990-02-30" },
  { birthdate: "0000-00-00" },
]) {
  test(`user_metadata ${JSON.stringify(user_metadata)} gives no birth date`, async () => {
    const login = await new Login({ user: { user_metadata } }).execute();
    assert.equal("birthdate" in login.profile.fields, false);
  });
}

test("the longest names still fit the 5,000 characters that the gateway reads", async () => {
  const name = "ก".repeat(99);
  const user = { email: `${"a".repeat(64)}@${"b".repeat(185)}.com`, given_name: name, family_name: name };
  const transaction = { ui_locales: Array(50).fill("x".repeat(35)) };
  const client = { client_id: "c".repeat(64) };
  const request = { hostname: `${"h".repeat(100)}.example.com` };
  const login = await new Login({ user, transaction, client, request }).execute();
  assert.equal(login.profile.fields.given_name, name);
  assert.ok(new URL(login.redirect).searchParams.get("session_token").length <= 5000);
});

test("a name longer than any person's is left out whole", async () => {
  const login = await new Login({ user: { family_name: "x".repeat(5000) } }).execute();
  assert.deepEqual(Object.keys(login.profile.fields), ["email", "given_name", "birthdate"]);
});

test("languages that are no languages are not passed on", async () => {
  const ui_locales = ["de", "<script>", "x".repeat(36), ["en"], 5, "fr"];
  const login = await new Login({ transaction: { ui_locales } }).execute();
  assert.deepEqual(login.session.ui_locales, ["de", "fr"]);
});

test("question and browser are kept with the transaction, without anything personal in the clear", async () => {
  const user_agent = "x".repeat(8000);
  const login = await new Login({ request: { user_agent } }).execute();
  const { jti, steps, browser } = JSON.parse(login.kept.waystation_question);
  assert.equal(jti, login.session.jti);
  assert.deepEqual(steps, ["idproof:1"]);
  assert.equal(browser.agent.length, 43);
  assert.equal(browser.country, "DE");
  assert.equal(browser.network, "64500");
});

test("the login itself writes nothing to the user", async () => {
  const login = await new Login().execute();
  assert.deepEqual(login.written, {});
});

const WITHOUT_BROWSER = ["oauth2-password", "oauth2-resource-owner", "oauth2-resource-owner-jwt-bearer",
  "oauth2-token-exchange", "oauth2-device-code", "oauth2-webauthn", "oidc-ciba", "oidc-ciba-web-link",
  "wstrust-usernamemixed", "a-protocol-of-tomorrow", "", undefined];

for (const protocol of WITHOUT_BROWSER) {
  test(`protocol ${protocol}: a due step denies, for there is no browser to send away`, async () => {
    const login = await new Login({ transaction: { protocol } }).execute();
    assert.equal(login.denied, "waystation_redirect_impossible");
    assert.equal(login.redirect, undefined);
  });

  test(`protocol ${protocol}: nothing due lets through`, async () => {
    const user = { app_metadata: { waystation_idproof_seen: record() } };
    const login = await new Login({ user, transaction: { protocol } }).execute();
    assert.equal(login.denied, undefined);
    assert.equal(login.idClaims["https://waystation.dev/idproof"].status, "passed");
  });
}

test("an event without a transaction denies", async () => {
  const login = await new Login({ transaction: { id: undefined } }).execute();
  assert.equal(login.denied, "waystation_redirect_impossible");
});

for (const protocol of ["oidc-basic-profile", "oidc-implicit-profile", "oidc-hybrid-profile", "oauth2-access-token",
  "samlp", "wsfed"]) {
  test(`protocol ${protocol}: a due step redirects`, async () => {
    const login = await new Login({ transaction: { protocol } }).execute();
    assert.equal(login.session.protocol, protocol);
  });
}

test("a refresh is let through by default, and a pass that ran out sets no claim", async () => {
  const user = { app_metadata: { waystation_idproof_seen: record({ until: PAST }) } };
  const login = await new Login({ user, transaction: { protocol: "oauth2-refresh-token" } }).execute();
  assert.equal(login.denied, undefined);
  assert.equal(login.redirect, undefined);
  assert.deepEqual(login.idClaims, {});
});

test("ON_BLOCKED decides per protocol, over the defaults", async () => {
  const secrets = { ON_BLOCKED: "oauth2-password=skip, oauth2-refresh-token=deny" };
  const denied = async (protocol) => (await new Login({ secrets, transaction: { protocol } }).execute()).denied;
  assert.equal(await denied("oauth2-password"), undefined);
  assert.equal(await denied("oauth2-refresh-token"), "waystation_redirect_impossible");
  assert.equal(await denied("oauth2-token-exchange"), "waystation_redirect_impossible");
});

test("ON_BLOCKED never opens a protocol that has a browser", async () => {
  const login = await new Login({ secrets: { ON_BLOCKED: "*=skip,oidc-basic-profile=skip" } }).execute();
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

test("canRedirect may still say no", async () => {
  const login = new Login();
  login.canRedirect = () => false;
  assert.equal((await login.execute()).denied, "waystation_redirect_impossible");
});

test("a runtime without canRedirect is not missed", async () => {
  const login = new Login();
  login.canRedirect = undefined;
  assert.deepEqual((await login.execute()).session.steps, ["idproof:1"]);
});

const SILENT = [
  { transaction: { prompt: ["none"] } },
  { transaction: { prompt: "none" } },
  { transaction: { prompt: undefined }, request: { query: { prompt: "none" } } },
];

for (const silent of SILENT) {
  test(`prompt=none as ${JSON.stringify(silent)} asks the tenant for interaction_required`, async () => {
    const login = new Login(silent);
    login.canRedirect = () => false;
    assert.deepEqual((await login.execute()).session.steps, ["idproof:1"]);
    assert.deepEqual(login.idClaims, {});
  });

  test(`prompt=none as ${JSON.stringify(silent)} denies where the setting says so`, async () => {
    const login = await new Login({ ...silent, secrets: { ON_BLOCKED: "prompt-none=deny" } }).execute();
    assert.equal(login.denied, "waystation_redirect_impossible");
    assert.equal(login.redirect, undefined);
  });

  test(`prompt=none as ${JSON.stringify(silent)} is not opened by *=skip`, async () => {
    const login = await new Login({ ...silent, secrets: { ON_BLOCKED: "*=skip" } }).execute();
    assert.notEqual(login.redirect, undefined);
  });
}

test("prompt=none is let through only where the setting names it", async () => {
  const login = await new Login({ ...SILENT[0], secrets: { ON_BLOCKED: "prompt-none=skip" } }).execute();
  assert.equal(login.redirect, undefined);
  assert.equal(login.denied, undefined);
});
})();

(() => {
/** What an answer must be before it counts, and which browser may bring it. */

const assert = require("node:assert/strict");

const { Login, NOW, PAST, SECRETS, encode, record, result, validateSignatureOnly } = support;

const CLAIM = "https://waystation.dev/idproof";
const now = Math.floor(NOW / 1000);

async function asked(options) {
  return new Login(options).execute();
}

function assertNothingConfirmed(login) {
  assert.deepEqual(login.written, {});
  assert.deepEqual(login.idClaims, {});
  assert.deepEqual(login.accessClaims, {});
}

test("a right answer lets through, sets the claims and writes what was seen under the Action's own key", async () => {
  const login = await asked();
  const { jti } = login.session;
  await login.resume(login.answer());
  assert.equal(login.denied, undefined);
  const claim = {
    status: "passed",
    level: "document_validated",
    at: "2026-11-22T11:30:00Z",
    until: "2027-11-22T11:30:00Z",
  };
  assert.deepEqual(login.idClaims, { [CLAIM]: claim });
  assert.deepEqual(login.accessClaims, { [CLAIM]: claim });
  const seen = { v: 1, rev: 1, ...claim, reason: null, ref: "ver_1", jti };
  assert.deepEqual(login.written, { waystation_idproof_seen: seen });
});

test("the next login counts what this one saw", async () => {
  const login = await asked();
  await login.resume(login.answer());
  const next = await login.next();
  assert.equal(next.redirect, undefined);
  assert.equal(next.idClaims[CLAIM].status, "passed");
});

test("an answer by GET is read as well", async () => {
  const login = await asked();
  const session_token = encode(login.answer(), SECRETS.ANSWER_TOKEN_SECRET);
  const query = { state: "state-of-this-redirect", session_token };
  await login.resume(undefined, { request: { method: "GET", query, body: undefined } });
  assert.equal(login.denied, undefined);
  assert.equal(login.idClaims[CLAIM].status, "passed");
});

test("a carried result counts like an applied one", async () => {
  const login = await asked();
  await login.resume(login.answer({ metadata: "carried" }));
  assert.equal(login.denied, undefined);
  assert.equal((await login.next()).redirect, undefined);
});

test("metadata that was applied without an answer is asked again at the next login: the transplant", async () => {
  const login = await asked();
  login.user.app_metadata = { waystation_idproof: record({ rev: 1, jti: login.session.jti }) };
  await login.resume(undefined);
  assert.equal(login.denied, "waystation_invalid_answer");
  assertNothingConfirmed(login);
  assert.deepEqual((await login.next()).session.steps, ["idproof:1"]);
});

const WRONG = {
  "of another version": { v: 2 },
  "of a version that is text": { v: "1" },
  "of another issuer": { iss: "elsewhere" },
  "from the tenant itself": { iss: "acme.eu.auth0.com" },
  "for another audience": { aud: "acme2" },
  "for a list of audiences": { aud: ["acme"] },
  "without an audience": { aud: undefined },
  "for another user": { sub: "auth0|1" },
  "to another question": { jti: "x".repeat(43) },
  "without a question": { jti: undefined },
  "to a question that is a list": { jti: ["x"] },
  "of another redirect": { state: "another-state" },
  "without a state": { state: undefined },
  "without a transaction": { tx: undefined },
  "with an empty transaction": { tx: "" },
  "with a transaction that is a number": { tx: 5 },
  "that has expired": { exp: now },
  "that expires as text": { exp: String(now + 60) },
  "that never expires": { exp: 253402300799 },
  "that lives longer than answers do": { exp: now + 301 },
  "without an expiry": { exp: undefined },
  "from the future": { iat: now + 61, exp: now + 120 },
  "issued at no whole second": { iat: now + 0.5 },
  "without a time of issue": { iat: undefined },
  "without word of the metadata": { metadata: undefined },
  "with an unknown word of the metadata": { metadata: "maybe" },
  "without steps": { steps: undefined },
  "with no step": { steps: {}, outcome: "passed" },
  "with steps in a list": { steps: [result()] },
  "with another step": { steps: { terms: result() } },
  "with one step too many": { steps: { idproof: result(), terms: result() } },
  "whose outcome is better than its steps": { steps: { idproof: result({ status: "failed" }) }, outcome: "passed" },
  "whose outcome is worse than its steps": { outcome: "failed" },
  "whose outcome no step has": { steps: { idproof: result({ status: "failed" }) }, outcome: "declined" },
  "without an outcome": { outcome: undefined },
};

for (const [what, changes] of Object.entries(WRONG)) {
  test(`an answer ${what} is refused and confirms nothing`, async () => {
    const login = await asked();
    await login.resume(login.answer(changes));
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });

  test(`an answer ${what} is refused also by a tenant that checks only the signature`, async () => {
    const login = await asked();
    login.validate = validateSignatureOnly;
    await login.resume(login.answer(changes));
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });
}

const WRONG_RESULT = {
  "that is a text": "passed",
  "that is null": null,
  "without a status": result({ status: undefined }),
  "of an unknown status": result({ status: "restarted" }),
  "below the asked revision": result({ v: 0 }),
  "of a revision that is text": result({ v: "1" }),
  "without a rev": result({ rev: undefined }),
  "with a rev that is text": result({ rev: "1" }),
  "without a time": result({ at: null }),
  "with a time that is no instant": result({ at: "2026-11-22" }),
  "with a time of a month that does not exist": result({ at: "2026-13-22T00:00:00Z" }),
  "without saying until when": result({ until: undefined }),
  "that is good until no instant": result({ until: "2027" }),
  "whose pass has run out": result({ until: PAST }),
  "with a level that is a list": result({ level: ["high"] }),
  "with a reason of a thousand letters": result({ reason: "x".repeat(1000) }),
};

for (const [what, idproof] of Object.entries(WRONG_RESULT)) {
  test(`a step's result ${what} makes the answer invalid`, async () => {
    const login = await asked();
    await login.resume(login.answer({ steps: { idproof } }));
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });
}

for (const status of ["passed", "failed", "pending"]) {
  test(`a ${status} result of an older revision than was asked is refused`, async () => {
    const login = await asked({ secrets: { STEPS: "idproof:2" } });
    await login.resume(login.answerWith({ v: 1, status }));
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });
}

test("a status that nobody knows is refused whatever the outcome says", async () => {
  const login = await asked();
  await login.resume(login.answerWith({ status: "restarted" }));
  assert.equal(login.denied, "waystation_invalid_answer");
  assertNothingConfirmed(login);
});

test("a step called constructor is not answered by what every object inherits", async () => {
  const login = await asked({ secrets: { STEPS: "constructor:1" } });
  await login.resume(login.answer({ steps: {} }));
  assert.equal(login.denied, "waystation_invalid_answer");
});

for (const token of ["", "x", "a.b.c", "..", "null"]) {
  test(`garbage ${JSON.stringify(token)} as an answer is refused`, async () => {
    const login = await asked();
    await login.resume(token);
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });
}

test("an answer with one character changed anywhere is refused", async () => {
  const reference = await asked();
  const token = encode(reference.answer(), SECRETS.ANSWER_TOKEN_SECRET);
  for (let index = 0; index < token.length - 1; index += 17) {
    const login = await asked();
    const changed = token.slice(0, index) + (token[index] === "A" ? "B" : "A") + token.slice(index + 1);
    await login.resume(changed);
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  }
});

test("the session token is no answer", async () => {
  const login = await asked();
  await login.resume(new URL(login.redirect).searchParams.get("session_token"));
  assert.equal(login.denied, "waystation_invalid_answer");
  assertNothingConfirmed(login);
});

test("an answer signed with the session secret is refused", async () => {
  const login = await asked();
  await login.resume(login.answer(), { secret: SECRETS.SESSION_TOKEN_SECRET });
  assert.equal(login.denied, "waystation_invalid_answer");
});

test("an answer to another login of the same person is refused: a replayed jti", async () => {
  const [first, second] = [await asked(), await asked()];
  await second.resume(first.answer());
  assert.equal(second.denied, "waystation_invalid_answer");
  assertNothingConfirmed(second);
});

test("a question is answered once: the same answer a second time is refused", async () => {
  const login = await asked();
  const answer = login.answer();
  await login.resume(answer);
  await login.resume(answer);
  assert.equal(login.denied, "waystation_invalid_answer");
  assertNothingConfirmed(login);
});

const NO_QUESTION = [undefined, 5, "", "null", "{}", "[]", "{"];
NO_QUESTION.push('{"jti":null,"steps":[]}', '{"jti":"a","steps":["x y"]}');

for (const kept of NO_QUESTION) {
  test(`a transaction that keeps ${JSON.stringify(kept)} has asked nothing`, async () => {
    const login = await asked();
    const answer = login.answer();
    login.kept = kept === undefined ? {} : { waystation_question: kept };
    await login.resume(answer);
    assert.equal(login.denied, "waystation_invalid_answer");
    assertNothingConfirmed(login);
  });
}

test("a doubled state is refused", async () => {
  const login = await asked();
  await login.resume(login.answer({ state: ["a", "b"] }), { state: ["a", "b"] });
  assert.equal(login.denied, "waystation_invalid_answer");
});

// The second secret

const OLD = "answer-secret-of-last-month-32323";

test("an answer signed with the previous secret is taken while secrets are rotated", async () => {
  const login = await asked({ secrets: { ANSWER_TOKEN_SECRET_PREVIOUS: OLD } });
  await login.resume(login.answer(), { secret: OLD });
  assert.equal(login.denied, undefined);
  assert.deepEqual(login.tried, [SECRETS.ANSWER_TOKEN_SECRET, OLD]);
});

test("the previous secret is not tried when the signature was right and the rest was not", async () => {
  const login = await asked({ secrets: { ANSWER_TOKEN_SECRET_PREVIOUS: OLD } });
  await login.resume(login.answer({ exp: now }));
  assert.equal(login.denied, "waystation_invalid_answer");
  assert.deepEqual(login.tried, [SECRETS.ANSWER_TOKEN_SECRET]);
});

test("without a previous secret nothing but the current one is tried", async () => {
  const login = await asked();
  await login.resume(login.answer(), { secret: OLD });
  assert.equal(login.denied, "waystation_invalid_answer");
  assert.deepEqual(login.tried, [SECRETS.ANSWER_TOKEN_SECRET]);
});

// The browser that left

const OTHERS = {
  "user agent": { user_agent: "curl/8" },
  "missing user agent": { user_agent: undefined },
  country: { geoip: { countryCode: "FR" } },
  "unknown country": { geoip: undefined },
};

for (const [what, request] of Object.entries(OTHERS)) {
  test(`another ${what} than at the start is refused, and the right answer confirms nothing`, async () => {
    const login = await asked();
    const body = { session_token: encode(login.answer(), SECRETS.ANSWER_TOKEN_SECRET) };
    await login.resume(undefined, { request: { body, ...request } });
    assert.equal(login.denied, "waystation_wrong_browser");
    assertNothingConfirmed(login);
    assert.deepEqual((await login.next()).session.steps, ["idproof:1"]);
  });

  test(`another ${what} is let through with BROWSER_CHECK=off`, async () => {
    const login = await asked({ secrets: { BROWSER_CHECK: "off" } });
    const body = { session_token: encode(login.answer(), SECRETS.ANSWER_TOKEN_SECRET) };
    await login.resume(undefined, { request: { body, ...request } });
    assert.equal(login.denied, undefined);
  });
}

test("another network is refused only with BROWSER_CHECK=network", async () => {
  for (const [BROWSER_CHECK, denied] of [["browser", undefined], ["network", "waystation_wrong_browser"]]) {
    const login = await asked({ secrets: { BROWSER_CHECK } });
    const body = { session_token: encode(login.answer(), SECRETS.ANSWER_TOKEN_SECRET) };
    await login.resume(undefined, { request: { body, asn: "64501" } });
    assert.equal(login.denied, denied);
  }
});
})();

(() => {
/** What a right answer means: what is written, what the application is told, what the next login makes of it. */

const assert = require("node:assert/strict");

const { FUTURE, Login, PAST, record, result } = support;

const CLAIM = "https://waystation.dev/idproof";

async function asked(options) {
  return new Login(options).execute();
}

function assertNothingConfirmed(login) {
  assert.deepEqual(login.written, {});
  assert.deepEqual(login.idClaims, {});
  assert.deepEqual(login.accessClaims, {});
}

for (const status of ["failed", "declined", "pending"]) {
  test(`a step that ended ${status} denies by that name, and what was seen is written`, async () => {
    const login = await asked();
    const { jti } = login.session;
    await login.resume(login.answerWith({ status, until: null, level: null }));
    assert.equal(login.denied, `waystation_idproof_${status}`);
    assert.equal(login.written.waystation_idproof_seen.status, status);
    assert.equal(login.written.waystation_idproof_seen.jti, jti);
    assert.deepEqual(login.idClaims, {});
  });
}

test("a step that was abandoned denies by that name and leaves what was confirmed before", async () => {
  const before = record({ until: PAST });
  const login = await asked({ user: { app_metadata: { waystation_idproof_seen: before } } });
  await login.resume(login.answerWith({ status: "abandoned", until: null }));
  assert.equal(login.denied, "waystation_idproof_abandoned");
  assertNothingConfirmed(login);
});

test("a failed step is refused at the next login until its wait is over, then asked again", async () => {
  const login = await asked();
  await login.resume(login.answerWith({ status: "failed", until: FUTURE }));
  assert.equal((await login.next()).denied, "waystation_idproof_failed");
  login.user.app_metadata.waystation_idproof_seen.until = PAST;
  assert.deepEqual((await login.next()).session.steps, ["idproof:1"]);
});

test("a pending step is let through where ON_PENDING allows, and the claim says pending", async () => {
  const login = await asked({ secrets: { ON_PENDING: "allow" } });
  await login.resume(login.answerWith({ status: "pending", until: null, reason: "review" }));
  assert.equal(login.denied, undefined);
  assert.equal(login.idClaims[CLAIM].status, "pending");
  assert.deepEqual((await login.next()).session.steps, ["idproof:1"]);
});

test("a pending step whose verdict came later lets the next login through", async () => {
  const login = await asked();
  const { jti } = login.session;
  await login.resume(login.answerWith({ status: "pending", until: null }));
  login.user.app_metadata.waystation_idproof = record({ rev: 2, jti });
  assert.equal((await login.next()).redirect, undefined);
});

test("metadata that could not be written denies by name and confirms nothing", async () => {
  const login = await asked();
  await login.resume(login.answer({ metadata: "failed" }));
  assert.equal(login.denied, "waystation_metadata_failed");
  assertNothingConfirmed(login);
});

test("every step of the answer is written, and the first that did not pass names the reason", async () => {
  const login = await asked({ secrets: { STEPS: "terms:3,idproof:1" } });
  const steps = { terms: result({ v: 3 }), idproof: result({ status: "failed", until: FUTURE }) };
  await login.resume(login.answer({ steps, outcome: "failed" }));
  assert.equal(login.denied, "waystation_idproof_failed");
  assert.deepEqual(Object.keys(login.written), ["waystation_terms_seen", "waystation_idproof_seen"]);
});

test("an answer that leaves out one of two asked steps is refused whole", async () => {
  const login = await asked({ secrets: { STEPS: "terms:3,idproof:1" } });
  await login.resume(login.answer({ steps: { idproof: result() } }));
  assert.equal(login.denied, "waystation_invalid_answer");
  assertNothingConfirmed(login);
});

test("claims come from the answer for what was asked and from the record for what was done before", async () => {
  const user = { app_metadata: { waystation_terms_seen: record({ v: 3, level: null, until: null }) } };
  const login = await asked({ user, secrets: { STEPS: "terms:3,idproof:1" } });
  await login.resume(login.answer());
  assert.deepEqual(Object.keys(login.idClaims), [CLAIM, "https://waystation.dev/terms"]);
});

test("a verdict on another step that came during the redirect still counts", async () => {
  const seen = record({ v: 3, until: null });
  const login = await asked({
    user: { app_metadata: { waystation_terms_seen: seen } },
    secrets: { STEPS: "terms:3,idproof:1" },
  });
  login.user.app_metadata.waystation_terms = { ...seen, rev: 2, status: "failed", until: FUTURE };
  await login.resume(login.answer());
  assert.equal(login.denied, "waystation_terms_failed");
  assert.deepEqual(login.idClaims, {});
});

test("a step that became due during the redirect is not let through unasked", async () => {
  const login = await asked();
  login.user.app_metadata.waystation_require = "terms:1";
  await login.resume(login.answer());
  assert.equal(login.denied, "waystation_invalid_answer");
  assert.deepEqual(login.idClaims, {});
});
})();

(() => {
/** What the profile step is told of the person, what a login may ask for itself, and what a result may say more. */

const assert = require("node:assert/strict");

const { Login, record, result } = support;

const GOOGLE = { name: "google-oauth2", strategy: "google-oauth2" };

function asked(fields, { user = {}, ...changes } = {}) {
  const secrets = { STEPS: "profile:1", ...(fields && { PROFILE_FIELDS: fields }) };
  return new Login({ secrets, user, connection: { id: "con_2", ...GOOGLE }, ...changes }).execute();
}

// The profile step

test("the profile step gets what there is of the default fields, and where it came from", async () => {
  const login = await asked();
  assert.deepEqual(login.profile.fields, {
    email: "ada@example.com",
    connection: GOOGLE,
    known: { given_name: "Ada", family_name: "Lovelace", "user_metadata.birthdate": "1990-12-10" },
    omitted: [],
  });
});

test("every plain value travels as what it is, in the order of PROFILE_FIELDS", async () => {
  const user_metadata = { newsletter: false, children: 0, height: 1.7, "Name-kana": "アダ", zero: "" };
  const names = ["newsletter", "children", "height", "Name-kana", "zero", "missing"];
  const login = await asked(["name", ...names.map((key) => `user_metadata.${key}`)].join(", "), {
    user: { name: "آدا لوفليس", user_metadata },
  });
  assert.deepEqual(login.profile.fields.known, {
    name: "آدا لوفليس",
    "user_metadata.newsletter": false,
    "user_metadata.children": 0,
    "user_metadata.height": 1.7,
    "user_metadata.Name-kana": "アダ",
  });
  assert.deepEqual(login.profile.fields.omitted, []);
});

test("what the user has and what cannot travel is named, so that it is not asked as missing", async () => {
  const odd = { odd: "a\u202eb", lines: "a\nb" };
  const user_metadata = { bio: "x".repeat(400), tags: ["a"], address: { city: "Rome" }, ...odd };
  const fields = Object.keys(user_metadata).map((key) => `user_metadata.${key}`);
  const login = await asked(fields.join(","), { user: { user_metadata } });
  assert.deepEqual(login.profile.fields.known, {});
  assert.deepEqual(login.profile.fields.omitted, fields);
});

test("what does not fit the token any more is named too, and the token stays short", async () => {
  const keys = Array.from({ length: 12 }, (_, index) => `user_metadata.k${index}`);
  const user_metadata = Object.fromEntries(keys.map((name) => [name.slice(14), "ก".repeat(60)]));
  const login = await asked(keys.join(","), { user: { user_metadata } });
  const { known, omitted } = login.profile.fields;
  assert.deepEqual([...Object.keys(known), ...omitted], keys);
  assert.equal(Object.keys(known).length, 4);
  assert.ok(new URL(login.redirect).searchParams.get("session_token").length <= 5000);
});

for (const key of ["__proto__", "constructor", "toString"]) {
  test(`user_metadata.${key} is no attribute of anybody`, async () => {
    const login = await asked(`user_metadata.${key}`);
    assert.deepEqual(login.profile.fields.known, {});
    assert.deepEqual(login.profile.fields.omitted, []);
  });
}

for (const user_metadata of [undefined, null, "x", []]) {
  test(`user_metadata that is ${JSON.stringify(user_metadata)} has no attributes`, async () => {
    const login = await asked("user_metadata.a", { user: { user_metadata } });
    assert.deepEqual(login.profile.fields.known, {});
  });
}

test("no other step learns any of it", async () => {
  const login = await new Login({ secrets: { STEPS: "terms:1,idproof:1,stepup:1", PROFILE_FIELDS: "name" } }).execute();
  assert.deepEqual(Object.keys(login.profile.fields).sort(), [
    "birthdate", "email", "email_verified", "family_name", "given_name",
  ]);
});

test("a proof of identity learns of names that the person corrected, where PROFILE_FIELDS names them", async () => {
  const user_metadata = { given_name: "Ada Augusta", bio: "x", birthdate: "1990-12-10" };
  const names = "given_name,user_metadata.given_name,user_metadata.family_name,user_metadata.bio";
  const asking = (secrets, changes = {}) =>
    new Login({ secrets: { STEPS: "idproof:1", ...secrets }, user: { user_metadata }, ...changes }).execute();
  const login = await asking({ PROFILE_FIELDS: names }, { connection: { id: "con_2", ...GOOGLE } });
  assert.deepEqual(login.profile.fields, {
    email: "ada@example.com",
    given_name: "Ada",
    family_name: "Lovelace",
    birthdate: "1990-12-10",
    connection: GOOGLE,
    known: { "user_metadata.given_name": "Ada Augusta" },
  });
  assert.equal("known" in (await asking({})).profile.fields, false);
  assert.equal("known" in (await asking({ STEPS: "terms:1", PROFILE_FIELDS: names })).profile.fields, false);
});

// Steps that a login asks for

const ON_REQUEST = { STEPS: "idproof:1", STEPS_ON_REQUEST: "consents:2,idproof:1" };
const DONE = { app_metadata: { waystation_idproof_seen: record(), waystation_consents_seen: record({ v: 2 }) } };

function requesting(waystation_step, changes = {}) {
  return new Login({ secrets: ON_REQUEST, user: DONE, request: { query: { waystation_step } }, ...changes }).execute();
}

test("a step that the login asks for is asked, whatever the records say", async () => {
  const login = await requesting("consents");
  assert.deepEqual(login.session.steps, ["consents:2"]);
  assert.deepEqual(login.session.requested, ["consents"]);
});

test("it comes after what is due, and is named when it is due anyway", async () => {
  const login = await requesting("consents", { user: {} });
  assert.deepEqual(login.session.steps, ["idproof:1", "consents:2"]);
  assert.deepEqual(login.session.requested, ["consents"]);
  const both = await requesting("idproof", { user: {} });
  assert.deepEqual([both.session.steps, both.session.requested], [["idproof:1"], ["idproof"]]);
});

test("it is answered like every other step, and a later login that does not ask is let through", async () => {
  const login = await requesting("consents");
  await login.resume(login.answer());
  assert.equal(login.denied, undefined);
  assert.deepEqual(Object.keys(login.written), ["waystation_consents_seen"]);
  const next = await login.next({ secrets: login.secrets });
  assert.equal(next.redirect, undefined);
});

for (const foreign of [undefined, "", "terms", "consents:2", "CONSENTS", "none", {}, 5]) {
  test(`${JSON.stringify(foreign)} asks for nothing`, async () => {
    const login = await requesting(foreign);
    assert.equal(login.redirect, undefined);
    assert.equal(login.denied, undefined);
  });
}

test("without the setting nobody can ask for a step", async () => {
  const login = await requesting("idproof", { secrets: { STEPS: "idproof:1" } });
  assert.equal(login.redirect, undefined);
});

test("a login that asks for nothing says nothing of it", async () => {
  const login = await new Login().execute();
  assert.equal("requested" in login.session, false);
  assert.equal("authorize" in login.session, false);
});

// What a result may say more

const DETAILS = { terms: "2026-10", newsletter: false, copies: 2 };

test("details of a result are kept and become part of the claim", async () => {
  const login = await new Login().execute();
  await login.resume(login.answerWith({ details: DETAILS }));
  assert.equal(login.denied, undefined);
  assert.deepEqual(login.written.waystation_idproof_seen.details, DETAILS);
  assert.deepEqual(login.accessClaims["https://waystation.dev/idproof"].details, DETAILS);
  const next = await login.next();
  assert.deepEqual(next.idClaims["https://waystation.dev/idproof"].details, DETAILS);
});

for (const [what, details] of [
  ["null", null],
  ["a list", ["a"]],
  ["nested", { a: { b: 1 } }],
  ["of empty text", { a: "" }],
  ["of a fraction", { a: 1.5 }],
  ["of odd names", { "A-b": 1 }],
  ["of eleven names", Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, index]))],
  ["too long", { a: "x".repeat(200), b: "x".repeat(200) }],
]) {
  test(`a result with details that are ${what} is refused`, async () => {
    const login = await new Login().execute();
    await login.resume(login.answerWith({ details }));
    assert.equal(login.denied, "waystation_invalid_answer");
    assert.deepEqual(login.written, {});
  });
}

test("a result that app_metadata should not have to hold is refused", async () => {
  const login = await new Login().execute();
  const long = "x".repeat(255);
  await login.resume(login.answerWith({ level: long, reason: long, ref: long }));
  assert.equal(login.denied, "waystation_invalid_answer");
  assert.ok(Buffer.byteLength(JSON.stringify(result({ level: long, reason: long }))) < 800);
});
})();

(() => {
/** The password step: when it is due, that it runs alone, and what it takes to begin the login again. */

const assert = require("node:assert/strict");

const { Login, record } = support;

const DEMAND = "2026-11-20T00:00:00.000Z";
const BEFORE = "2026-11-19T23:59:59.999Z";
const AFTER = "2026-11-20T00:00:00.001Z";
const CALLBACK = "https://app.example/callback";
const QUERY = {
  client_id: "client1",
  response_type: "code",
  redirect_uri: CALLBACK,
  scope: "openid profile",
  state: "state of the application",
  nonce: "n",
  code_challenge: "c",
  code_challenge_method: "S256",
};

function login({ secrets = { STEPS: "password:1" }, query = QUERY, ...changes } = {}) {
  const transaction = { redirect_uri: CALLBACK, ...changes.transaction };
  return new Login({ ...changes, secrets, transaction, request: { query } }).execute();
}

function isAsked(tried) {
  assert.equal(tried.denied, undefined);
  return tried.redirect !== undefined;
}

test("without a demand the password is due until it was changed once", async () => {
  assert.ok(isAsked(await login()));
  assert.equal(isAsked(await login({ user: { last_password_reset: "2020-01-01T00:00:00.000Z" } })), false);
});

for (const [where, secrets, app_metadata] of [
  ["the setting", { STEPS: "password:1", PASSWORD_SINCE: DEMAND }, {}],
  ["the user, without any list", { STEPS: "none" }, { waystation_password_since: DEMAND }],
  ["the later of both", { STEPS: "password:1", PASSWORD_SINCE: "2020-01-01T00:00:00Z" },
    { waystation_password_since: DEMAND }],
]) {
  test(`a demand of ${where} is met by a later change only`, async () => {
    for (const [last_password_reset, asked] of [[undefined, true], [BEFORE, true], [DEMAND, true], [AFTER, false]]) {
      const tried = await login({ secrets, user: { app_metadata, last_password_reset } });
      assert.equal(isAsked(tried), asked, String(last_password_reset));
    }
  });
}

test("a change that only the step's own record tells of counts as well", async () => {
  const secrets = { STEPS: "password:1", PASSWORD_SINCE: DEMAND };
  const cases = [[{ at: AFTER }, false], [{ at: BEFORE }, true], [{ at: AFTER, status: "failed" }, true]];
  for (const [changes, asked] of cases) {
    const app_metadata = { waystation_password: record({ until: null, ...changes }) };
    assert.equal(isAsked(await login({ secrets, user: { app_metadata } })), asked);
  }
});

for (const junk of ["yesterday", 5, true, {}, ["2026-11-20T00:00:00Z"], ""]) {
  test(`a demand of the user that is ${JSON.stringify(junk)} denies: nobody knows what it asks`, async () => {
    const tried = await login({ user: { app_metadata: { waystation_password_since: junk } } });
    assert.equal(tried.denied, "waystation_configuration");
  });
}

for (const junk of ["yesterday", null, 5, {}, "2026-13-45T99:00:00Z"]) {
  test(`a last change that is ${JSON.stringify(junk)} is none`, async () => {
    assert.ok(isAsked(await login({ user: { last_password_reset: junk } })));
  });
}

test("the password runs alone, before everything else that is due", async () => {
  const tried = await login({ secrets: { STEPS: "terms:2,password:3,idproof:1" } });
  assert.deepEqual(tried.session.steps, ["password:3"]);
  assert.deepEqual(tried.profile.fields, {
    email: "ada@example.com",
    connection: { name: "Username-Password-Authentication", strategy: "auth0" },
  });
  const next = await tried.next({ user: { ...tried.user, last_password_reset: AFTER } });
  assert.deepEqual(next.session.steps, ["terms:2", "idproof:1"]);
  assert.equal(next.session.authorize, undefined);
});

test("a directory is told who the person is there", async () => {
  const connection = { name: "corp", strategy: "ad" };
  const cases = [[{ username: "ada", nickname: "x" }, "ada"], [{ nickname: "alovelace" }, "alovelace"]];
  for (const [user, username] of cases) {
    const tried = await login({ connection, user });
    assert.equal(tried.profile.fields.username, username);
    assert.deepEqual(tried.profile.fields.connection, connection);
  }
});

for (const strategy of ["google-oauth2", "waad", "samlp", "email", "sms"]) {
  test(`a login through ${strategy} has no password that could be changed`, async () => {
    const app_metadata = { waystation_require: "password:1", waystation_password_since: DEMAND };
    const tried = await login({ connection: { name: "x", strategy }, user: { app_metadata } });
    assert.equal(isAsked(tried), false);
  });
}

test("an event without a connection is taken for a database's", async () => {
  for (const connection of [undefined, {}, { name: "x" }, { name: "x", strategy: 5 }]) {
    const tried = await login({ connection });
    assert.ok(isAsked(tried));
    assert.equal(tried.profile.fields.connection, undefined);
  }
});

test("the authorization request travels as it came, without what the gateway adds and what is personal", async () => {
  const query = { ...QUERY, login_hint: "ada@example.com", auth0Client: "x", prompt: "login consent", max_age: "" };
  const { client_id, ...repeated } = QUERY;
  assert.deepEqual((await login({ query })).session.authorize, { ...repeated, prompt: "consent" });
  assert.equal((await login({ query: { ...QUERY, prompt: "login" } })).session.authorize.prompt, undefined);
});

for (const [what, query] of [
  ["was pushed", { ...QUERY, request_uri: "urn:ietf:params:oauth:request_uri:x" }],
  ["was signed", { ...QUERY, request: "a.b.c" }],
  ["has another callback than the transaction", { ...QUERY, redirect_uri: "https://evil.example/" }],
  ["has no callback", { ...QUERY, redirect_uri: undefined }],
  ["has a doubled parameter", { ...QUERY, state: ["a", "b"] }],
  ["has an invisible character", { ...QUERY, state: "a\u202eb" }],
  ["is too long to carry", { ...QUERY, state: "x".repeat(1600) }],
  ["is nowhere", null],
]) {
  test(`a request that ${what} is not repeated, the password is asked all the same`, async () => {
    const tried = await login({ query });
    assert.deepEqual(tried.session.steps, ["password:1"]);
    assert.equal(tried.session.authorize, undefined);
  });
}

test("the longest request still fits the 5,000 characters that the gateway reads", async () => {
  const query = { ...QUERY, state: "x".repeat(1300) };
  const user = { email: `${"a".repeat(64)}@${"b".repeat(185)}.com`, username: "ก".repeat(99) };
  const tried = await login({ query, user });
  assert.equal(tried.session.authorize.state.length, 1300);
  assert.ok(new URL(tried.redirect).searchParams.get("session_token").length <= 5000);
});

test("who does not want to change the password is refused", async () => {
  const tried = await login();
  const { v, rev, at } = record();
  const declined = { v, rev, at, status: "declined", until: null };
  await tried.resume(tried.answer({ steps: { password: declined }, outcome: "declined" }));
  assert.equal(tried.denied, "waystation_password_declined");
});

test("other steps that wait behind the password are not passed by coming back without them", async () => {
  const tried = await login({ secrets: { STEPS: "password:1,idproof:1" } });
  await tried.resume(tried.answer());
  assert.equal(tried.denied, "waystation_invalid_answer");
});
})();

(() => {
/** Verifying again: what makes a login unusual, what is remembered of a usual one, and the rules that ask anyway. */

const assert = require("node:assert/strict");

const { FUTURE, Login, PAST, SECRETS, record } = support;

const STEPS = { STEPS: "stepup:1" };
const SEEN = "waystation_stepup_seen";
const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const EDGE = `${CHROME} Edg/142.0.0.0`;

/** The person has verified once, in the place and with the browser of the support file. */
async function verified({ secrets = {}, ...changes } = {}) {
  const login = await new Login({ secrets: { ...STEPS, ...secrets }, ...changes }).execute();
  return login.resume(login.answer());
}

async function isAsked(login, changes = {}) {
  const next = await login.next(changes);
  assert.equal(next.denied, undefined);
  return next.redirect !== undefined;
}

test("whoever has never verified is asked, with the address that the code goes to", async () => {
  const login = await new Login({ secrets: STEPS, user: { email_verified: true } }).execute();
  assert.deepEqual(login.session.steps, ["stepup:1"]);
  assert.deepEqual(login.profile.fields, { email: "ada@example.com", email_verified: true });
  const unverified = await new Login({ secrets: STEPS, user: { email_verified: "yes" } }).execute();
  assert.equal(unverified.profile.fields.email_verified, false);
});

test("the same place and browser are usual from then on, whatever the browser's version", async () => {
  const login = await verified();
  assert.equal(login.denied, undefined);
  assert.equal(await isAsked(login), false);
  const newer = login.request.user_agent.replace("133.0", "170.1");
  assert.equal(await isAsked(login, { request: { user_agent: newer } }), false);
});

for (const [what, request] of [
  ["country", { geoip: { countryCode: "FR" } }],
  ["network", { asn: "64999" }],
  ["browser", { user_agent: CHROME }],
  ["system", { user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/133.0" }],
  ["unknown country", { geoip: undefined }],
]) {
  test(`another ${what} is unusual`, async () => {
    assert.ok(await isAsked(await verified(), { request }));
  });
}

test("a browser that calls itself Chrome as well is one of its own", async () => {
  const login = await verified({ request: { user_agent: CHROME } });
  assert.equal(await isAsked(login, { request: { user_agent: CHROME } }), false);
  assert.ok(await isAsked(login, { request: { user_agent: EDGE } }));
});

test("STEPUP_ON says what is looked at", async () => {
  const secrets = { STEPUP_ON: "country" };
  const login = await verified({ secrets });
  assert.equal(await isAsked(login, { request: { asn: "1", user_agent: CHROME } }), false);
  assert.ok(await isAsked(login, { request: { geoip: { countryCode: "FR" } } }));
});

test("what is kept is five keyed digests at most, the newest first, and nothing readable", async () => {
  let login = await verified();
  const first = login.written[SEEN].known[0];
  for (const asn of ["1", "2", "3", "4", "5"]) {
    login = await login.next({ request: { asn } });
    await login.resume(login.answer());
  }
  const { known } = login.written[SEEN];
  assert.equal(known.length, 5);
  assert.ok(known.every((mark) => /^[\w-]{8}\.[\w-]{8}\.[\w-]{8}$/.test(mark)));
  assert.equal(known.includes(first), false);
  assert.ok(await isAsked(login));
  assert.ok(Buffer.byteLength(JSON.stringify(login.written[SEEN])) < 1024);
});

test("a place that comes again moves to the front and stands there once", async () => {
  let login = await verified({ secrets: { STEPUP_RULES: "always" } });
  for (const asn of ["1", "64500"]) {
    login = await login.next({ request: { asn } });
    await login.resume(login.answer());
  }
  assert.equal(login.written[SEEN].known.length, 2);
});

test("digests are the user's own and the key's: they cannot be carried over", async () => {
  const [ada, bob] = [await verified(), await verified({ user: { user_id: "auth0|bob" } })];
  const other = await verified({ secrets: { PROFILE_KEY: Buffer.alloc(32, 8).toString("base64url") } });
  const marks = [ada, bob, other].map((login) => login.written[SEEN].known[0]);
  assert.equal(new Set(marks.flatMap((mark) => mark.split("."))).size, 9);
  const user = { user_id: "auth0|bob", app_metadata: { [SEEN]: ada.written[SEEN] } };
  assert.ok((await new Login({ secrets: STEPS, user }).execute()).redirect);
});

for (const [what, changes] of [
  ["failed", { status: "failed", until: PAST }],
  ["declined", { status: "declined", until: null }],
]) {
  test(`a step that ${what} makes nothing usual and forgets nothing`, async () => {
    const login = await (await verified()).next({ request: { asn: "1" } });
    const known = login.user.app_metadata[SEEN].known;
    const result = { v: 1, rev: 2, at: PAST, ...changes };
    await login.resume(login.answer({ steps: { stepup: result }, outcome: result.status }));
    assert.deepEqual(login.written[SEEN].known, known);
    assert.ok(await isAsked(login));
  });
}

for (const known of [undefined, null, "x", {}, [5], ["a.b.c"], [["x"]]]) {
  test(`known places that are ${JSON.stringify(known)} are none`, async () => {
    const app_metadata = { [SEEN]: { ...record(), known } };
    assert.ok((await new Login({ secrets: STEPS, user: { app_metadata } }).execute()).redirect);
  });
}

test("a pass that ran out, or of a revision too low, is asked again in a usual place too", async () => {
  for (const changes of [{ until: PAST }, { v: 1, until: FUTURE }]) {
    const login = await verified({ secrets: { STEPS: "stepup:1" } });
    login.user.app_metadata[SEEN] = { ...login.user.app_metadata[SEEN], ...changes };
    assert.ok(await isAsked(login, { secrets: { ...SECRETS, STEPS: "stepup:2" } }));
  }
});

test("a rule asks in a usual place too: always, or for a wanted authentication context", async () => {
  const login = await verified();
  assert.ok(await isAsked(login, { secrets: { ...login.secrets, STEPUP_RULES: "always" } }));
  const secrets = { ...login.secrets, STEPUP_RULES: "acr=urn:acme:high, acr=urn:acme:pay" };
  assert.equal(await isAsked(login, { secrets }), false);
  assert.ok(await isAsked(login, { secrets, transaction: { acr_values: ["urn:acme:pay"] } }));
  assert.equal(await isAsked(login, { secrets, transaction: { acr_values: ["urn:acme:low"] } }), false);
});

test("a network that changes on the way does not make the login unusual again", async () => {
  const secrets = { STEPS: "stepup:1,idproof:1" };
  const login = await (await verified()).next({ secrets: { ...SECRETS, ...secrets } });
  assert.deepEqual(login.session.steps, ["idproof:1"]);
  await login.resume(login.answer(), { request: { asn: "1" } });
  assert.equal(login.denied, undefined);
  const claims = ["https://waystation.dev/idproof", "https://waystation.dev/stepup"];
  assert.deepEqual(Object.keys(login.idClaims).sort(), claims);
});

test("an unusual login that is let through without the step carries no claim of an earlier pass", async () => {
  const login = await verified();
  const request = { asn: "1" };
  const next = await login.next({ request, transaction: { protocol: "oauth2-refresh-token" } });
  assert.equal(next.denied, undefined);
  assert.deepEqual(next.idClaims, {});
  const usual = await login.next({ transaction: { protocol: "oauth2-refresh-token" } });
  assert.equal(usual.idClaims["https://waystation.dev/stepup"].status, "passed");
});
})();

(() => {
/** RS256: what the Action signs itself, and which answers it takes by a public key. */

const assert = require("node:assert/strict");
const { createHash, createPublicKey, createSign, createVerify, generateKeyPairSync } = require("node:crypto");

const { Login, NOW, SECRETS, encode, record } = support;

const CLAIM = "https://waystation.dev/idproof";
const PEM = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
};
const pairOf = (modulusLength) => generateKeyPairSync("rsa", { modulusLength, ...PEM });
const OURS = pairOf(2048); // the Action's
const THEIRS = pairOf(2048); // the gateway's
const NEXT = pairOf(2048);
const KEYS = { SESSION_TOKEN_PRIVATE_KEY: OURS.privateKey, ANSWER_TOKEN_PUBLIC_KEYS: THEIRS.publicKey };
const NO_SECRETS = { SESSION_TOKEN_SECRET: undefined, ANSWER_TOKEN_SECRET: undefined };
const ENCODED = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** By the words of RFC 7638. */
function thumbprint({ publicKey }) {
  const { e, n } = createPublicKey(publicKey).export({ format: "jwk" });
  return createHash("sha256").update(`{"e":"${e}","kty":"RSA","n":"${n}"}`).digest("base64url");
}

function sign(claims, pair, header = {}) {
  const head = { alg: "RS256", typ: "JWT", kid: thumbprint(pair), ...header };
  const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(pair.privateKey).toString("base64url")}`;
}

function open(token, { publicKey }) {
  assert.match(token, ENCODED);
  const [header, payload, signature] = token.split(".");
  const genuine = createVerify("RSA-SHA256").update(`${header}.${payload}`).verify(publicKey, signature, "base64url");
  assert.ok(genuine);
  return [header, payload].map((part) => JSON.parse(Buffer.from(part, "base64url")));
}

/** A login that was asked by a token of the Action's own key. */
class KeyLogin extends Login {
  constructor(secrets = {}) {
    super({ secrets: { ...NO_SECRETS, ...KEYS, ...secrets } });
  }

  get session() {
    return open(new URL(this.redirect).searchParams.get("session_token"), OURS)[1];
  }
}

async function asked(secrets) {
  return new KeyLogin(secrets).execute();
}

test("a session token of its own key says what encodeToken's would say, and names the key", async () => {
  const login = await asked();
  const [header, claims] = open(new URL(login.redirect).searchParams.get("session_token"), OURS);
  assert.deepEqual(header, { alg: "RS256", typ: "JWT", kid: thumbprint(OURS) });
  const other = (await new Login().execute()).session;
  const alike = ({ jti, profile, ...rest }) => rest;
  assert.deepEqual(alike(claims), alike(other));
  assert.deepEqual(Object.keys(claims), Object.keys(other));
  assert.equal(claims.exp - claims.iat, 120);
});

test("an answer signed with the gateway's key lets through, by POST and by GET", async () => {
  for (const where of ["body", "query"]) {
    const login = await asked();
    const session_token = sign(login.answer(), THEIRS);
    const state = "state-of-this-redirect";
    const request = where === "body" ? { query: { state }, body: { session_token } } : { query: { state, session_token } };
    await login.resume(undefined, { request });
    assert.equal(login.denied, undefined);
    assert.equal(login.idClaims[CLAIM].status, "passed");
    assert.deepEqual(login.tried, []);
  }
});

test("a key without its line breaks, or the base64 alone, is the same key", async () => {
  const bare = (pem) => pem.replace(/-----[^-]+-----/g, "").replace(/\s/g, "");
  const flat = (pem) => pem.replaceAll("\n", " ");
  for (const form of [bare, flat]) {
    const login = await asked({
      SESSION_TOKEN_PRIVATE_KEY: form(OURS.privateKey),
      ANSWER_TOKEN_PUBLIC_KEYS: [NEXT, THEIRS].map(({ publicKey }) => form(publicKey)).join(),
    });
    await login.resume(sign(login.answer(), THEIRS));
    assert.equal(login.denied, undefined);
  }
});

test("any of the listed keys verifies, and one that is listed no more does not", async () => {
  const both = { ANSWER_TOKEN_PUBLIC_KEYS: `${THEIRS.publicKey},${NEXT.publicKey}` };
  for (const pair of [THEIRS, NEXT]) {
    const login = await asked(both);
    await login.resume(sign(login.answer(), pair));
    assert.equal(login.denied, undefined);
  }
  const login = await asked({ ANSWER_TOKEN_PUBLIC_KEYS: NEXT.publicKey });
  await login.resume(sign(login.answer(), THEIRS));
  assert.equal(login.denied, "waystation_invalid_answer");
});

test("while the gateway changes, answers of either kind are taken, each by its own key", async () => {
  const secrets = { ANSWER_TOKEN_SECRET: SECRETS.ANSWER_TOKEN_SECRET };
  const first = await asked(secrets);
  await first.resume(first.answer());
  assert.equal(first.denied, undefined);
  const second = await asked(secrets);
  await second.resume(sign(second.answer(), THEIRS));
  assert.equal(second.denied, undefined);
});

const PUBLIC_TEXTS = {
  "the public key's PEM": THEIRS.publicKey,
  "the PEM without its last line break": THEIRS.publicKey.trim(),
  "the setting's text": THEIRS.publicKey.replaceAll("\n", ""),
};

for (const [what, text] of Object.entries(PUBLIC_TEXTS)) {
  for (const secret of [undefined, SECRETS.ANSWER_TOKEN_SECRET]) {
    test(`an HS256 answer signed with ${what} is refused ${secret ? "beside" : "without"} a secret`, async () => {
      const named = { typ: "JWT", kid: thumbprint(THEIRS) };
      for (const header of [{ alg: "HS256", typ: "JWT" }, { alg: "HS256", ...named }, { alg: "RS256", ...named }]) {
        const login = await asked({ ANSWER_TOKEN_SECRET: secret });
        await login.resume(encode(login.answer(), text, header));
        assert.equal(login.denied, "waystation_invalid_answer");
        assert.deepEqual(login.written, {});
      }
    });
  }
}

const REFUSED = {
  "signed with another key by the right name": (answer) => sign(answer, NEXT, { kid: thumbprint(THEIRS) }),
  "by a name that is not known": (answer) => sign(answer, THEIRS, { kid: "other" }),
  "by no name": (answer) => sign(answer, THEIRS, { kid: undefined }),
  "by a list of names": (answer) => sign(answer, THEIRS, { kid: [thumbprint(THEIRS)] }),
  "that calls itself RS512": (answer) => sign(answer, THEIRS, { alg: "RS512" }),
  "that calls itself none": (answer) => sign(answer, THEIRS, { alg: "none" }),
  "of another type": (answer) => sign(answer, THEIRS, { typ: "at+jwt" }),
  "with an address of a key": (answer) => sign(answer, THEIRS, { jku: "https://evil.example/jwks.json" }),
  "with a critical header": (answer) => sign(answer, THEIRS, { crit: ["exp"] }),
  "with an empty signature": (answer) => sign(answer, THEIRS).replace(/[^.]+$/, ""),
  "with a changed claim": (answer) => {
    const [header, , signature] = sign(answer, THEIRS).split(".");
    const claims = Buffer.from(JSON.stringify({ ...answer, outcome: "passed", tx: "x" })).toString("base64url");
    return [header, claims, signature].join(".");
  },
  "with four parts": (answer) => `${sign(answer, THEIRS)}.AAAA`,
  "with a line break": (answer) => `${sign(answer, THEIRS)}\n`,
  "of 20,000 characters": (answer) => sign({ ...answer, fill: "x".repeat(20000) }, THEIRS),
  "that is a list": () => sign([1], THEIRS),
  "that is no JSON": () => sign(null, THEIRS),
  "for another state": (answer) => sign({ ...answer, state: "another" }, THEIRS),
  "for another user": (answer) => sign({ ...answer, sub: "auth0|1" }, THEIRS),
  "to another question": (answer) => sign({ ...answer, jti: "another" }, THEIRS),
  "that has expired": (answer) => sign({ ...answer, exp: Math.floor(NOW / 1000) }, THEIRS),
  "of another issuer": (answer) => sign({ ...answer, iss: "elsewhere" }, THEIRS),
  "without iat": (answer) => sign({ ...answer, iat: undefined }, THEIRS),
};

for (const [what, made] of Object.entries(REFUSED)) {
  test(`an RS256 answer ${what} is refused`, async () => {
    const login = await asked();
    await login.resume(made(login.answer()));
    assert.equal(login.denied, "waystation_invalid_answer");
    assert.deepEqual(login.written, {});
    assert.deepEqual(login.idClaims, {});
  });
}

test("two answers under one name are refused", async () => {
  const login = await asked();
  const text = sign(login.answer(), THEIRS);
  await login.resume(undefined, { request: { body: { session_token: [text, text] } } });
  assert.equal(login.denied, "waystation_invalid_answer");
});

test("the Action's own session token is no answer", async () => {
  const login = await asked();
  await login.resume(new URL(login.redirect).searchParams.get("session_token"));
  assert.equal(login.denied, "waystation_invalid_answer");
});

test("without public keys an RS256 answer is refused, as it always was", async () => {
  const login = await new Login().execute();
  await login.resume(sign(login.answer(), THEIRS));
  assert.equal(login.denied, "waystation_invalid_answer");
});

test("one key for both directions is refused, whatever else is configured", async () => {
  const login = await asked({ ANSWER_TOKEN_PUBLIC_KEYS: OURS.publicKey, DEBUG: "on" });
  assert.equal(login.denied, "waystation_configuration");
  assert.deepEqual(login.logged, ["waystation | deny waystation_configuration | one key for both directions"]);
});

const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256", ...PEM });
const UNUSABLE = {
  "a key of 1024 bits": pairOf(1024),
  "an elliptic key": elliptic,
  "the other half": { privateKey: OURS.publicKey, publicKey: THEIRS.privateKey },
};

for (const [what, pair] of Object.entries(UNUSABLE)) {
  test(`${what} is refused before anything is decided, and not shown`, async () => {
    const user = { app_metadata: { waystation_idproof_seen: record() } };
    for (const [name, value] of [
      ["SESSION_TOKEN_PRIVATE_KEY", pair.privateKey],
      ["ANSWER_TOKEN_PUBLIC_KEYS", pair.publicKey],
    ]) {
      const login = await new Login({ user, secrets: { ...KEYS, [name]: value, DEBUG: "on" } }).execute();
      assert.deepEqual(login.logged, [`waystation | deny waystation_configuration | ${name}`]);
    }
  });
}

test("six public keys are too many", async () => {
  const login = await asked({ ANSWER_TOKEN_PUBLIC_KEYS: Array.from({ length: 6 }, () => THEIRS.publicKey).join() });
  assert.equal(login.denied, "waystation_configuration");
});

test("the keys of the longest kind fit Auth0's 4,096 characters, and their tokens what the gateway reads", async () => {
  const large = pairOf(4096);
  assert.ok(large.privateKey.length <= 4096);
  const login = await new Login({
    user: { family_name: "é".repeat(150), given_name: "é".repeat(150), email: `${"x".repeat(240)}@example.com` },
    secrets: { ...KEYS, SESSION_TOKEN_PRIVATE_KEY: large.privateKey },
  }).execute();
  assert.ok(new URL(login.redirect).searchParams.get("session_token").length <= 6000);
});
})();
