"use strict";
/** RS256: what the Action signs itself, and which answers it takes by a public key. */

const assert = require("node:assert/strict");
const { createHash, createPublicKey, createSign, createVerify, generateKeyPairSync } = require("node:crypto");
const { test } = require("node:test");

const { Login, NOW, SECRETS, encode, record } = require("./support.js");

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
