"use strict";
/** Settings: every mistake named once, no value ever told, and nothing is let through on a broken one. */

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");

const { Login, SECRETS, record, result } = require("./support.js");

const AUTH0 = path.join(__dirname, "../../deploy/auth0");
const CODE = readFileSync(path.join(AUTH0, "actions/waystation/code.js"), "utf8");

const MISTAKES = [
  ["START_URL", undefined],
  ["START_URL", "gateway.example/start/acme/login"],
  ["START_URL", "http://gateway.example/start/acme/login"],
  ["START_URL", "http://127.0.0.1.evil.example/start/acme/login"],
  ["START_URL", "http://gateway.localhost.evil.example/start/acme/login"],
  ["START_URL", "http://localhost/start/acme/login"],
  ["START_URL", "https://gateway.example/start/acme"],
  ["START_URL", "https://gateway.example/start/acme/login/"],
  ["START_URL", "https://gateway.example/start/acme/login?"],
  ["START_URL", "https://gateway.example/start/acme/login?a=b"],
  ["START_URL", "https://user@gateway.example/start/acme/login"],
  ["START_URL", "javascript:alert(1)"],
  ["SESSION_TOKEN_SECRET", undefined],
  ["SESSION_TOKEN_SECRET", "x".repeat(31)],
  ["ANSWER_TOKEN_SECRET", undefined],
  ["ANSWER_TOKEN_SECRET", "short"],
  ["ANSWER_TOKEN_SECRET_PREVIOUS", "short"],
  ["SESSION_TOKEN_PRIVATE_KEY", "x".repeat(1600)],
  ["ANSWER_TOKEN_PUBLIC_KEYS", "x".repeat(400)],
  ["ANSWER_TOKEN_AUDIENCE", undefined],
  ["ANSWER_TOKEN_ISSUER", "x".repeat(256)],
  ["SESSION_TOKEN_AUDIENCE", "x".repeat(256)],
  ["PROFILE_KEY", undefined],
  ["PROFILE_KEY", "x".repeat(42)],
  ["PROFILE_KEY", "+".repeat(43)],
  ["STEPS", undefined],
  ["STEPS", "idproof"],
  ["STEPS", "idproof:0"],
  ["STEPS", "idproof:1,idproof:2"],
  ["STEPS", "id_proof:1"],
  ["STEPS_ON_REQUEST", "consents"],
  ["PROFILE_FIELDS", "given_name,,email"],
  ["PROFILE_FIELDS", "name,name"],
  ["PROFILE_FIELDS", "app_metadata.role"],
  ["PROFILE_FIELDS", "user_metadata.a.b"],
  ["PROFILE_FIELDS", Array.from({ length: 21 }, (_, index) => `user_metadata.${index + 10}a`).join()],
  ["PROFILE_FIELDS", `user_metadata.${"x".repeat(64)},`.repeat(5).slice(0, -1).replaceAll("x,", "y,")],
  ["PASSWORD_SINCE", "2026-11-22"],
  ["STEPUP_ON", "country,device"],
  ["STEPUP_RULES", "sometimes"],
  ["STEPUP_RULES", "acr="],
  ["ON_BLOCKED", "skip"],
  ["ON_BLOCKED", "*=allow"],
  ["ON_BLOCKED", "*=redirect"],
  ["ON_BLOCKED", "oauth2-device-code=redirect"],
  ["ON_PENDING", "Allow"],
  ["BROWSER_CHECK", "none"],
  ["CONTINUE_ORIGIN", "https://acme.example/"],
  ["CONTINUE_ORIGIN", "http://acme.example"],
  ["CONTINUE_ORIGIN", "acme.example"],
  ["NAMESPACE", "way.station"],
  ["NAMESPACE", "$way"],
  ["CLAIMS_NAMESPACE", "https://acme.example"],
  ["CLAIMS_NAMESPACE", "waystation/"],
  ["CLAIMS_NAMESPACE", "https://acme.auth0.com/"],
];

for (const [name, value] of MISTAKES) {
  test(`${name}=${value} is refused before anything is decided, and named without its value`, async () => {
    const user = { app_metadata: { waystation_idproof_seen: record() } };
    const login = await new Login({ user, secrets: { [name]: value, DEBUG: "true" } }).execute();
    assert.equal(login.denied, "waystation_configuration");
    assert.equal(login.redirect, undefined);
    assert.deepEqual(login.idClaims, {});
    assert.deepEqual(login.logged, [`waystation | deny waystation_configuration | ${name}`]);
  });
}

test("all mistakes are named in one line", async () => {
  const wrong = { START_URL: "x", STEPS: "", PROFILE_KEY: "secret-that-must-not-show", ANSWER_TOKEN_SECRET: undefined };
  const login = await new Login({ secrets: { ...wrong, DEBUG: "true" } }).execute();
  assert.deepEqual(login.logged, [
    "waystation | deny waystation_configuration | START_URL, PROFILE_KEY, STEPS, ANSWER_TOKEN_SECRET",
  ]);
});

for (const name of ["ANSWER_TOKEN_SECRET", "ANSWER_TOKEN_SECRET_PREVIOUS"]) {
  test(`${name} must not be the session secret: a token of one direction would be good in the other`, async () => {
    const login = await new Login({ secrets: { [name]: SECRETS.SESSION_TOKEN_SECRET, DEBUG: "1" } }).execute();
    assert.equal(login.denied, "waystation_configuration");
    assert.deepEqual(login.logged, [
      "waystation | deny waystation_configuration | one secret for both directions",
    ]);
  });
}

test("a setting that broke during the redirect denies the resume and confirms nothing", async () => {
  const login = await new Login().execute();
  const answer = login.answer();
  login.secrets.ANSWER_TOKEN_AUDIENCE = "";
  await login.resume(answer);
  assert.equal(login.denied, "waystation_configuration");
  assert.deepEqual(login.written, {});
});

test("no settings at all deny", async () => {
  const login = new Login();
  login.secrets = undefined;
  assert.equal((await login.execute()).denied, "waystation_configuration");
});

test("whitespace round a setting is not part of it", async () => {
  const secrets = { STEPS: " idproof:1\n", SESSION_TOKEN_SECRET: `${SECRETS.SESSION_TOKEN_SECRET}\n` };
  const login = await new Login({ secrets }).execute();
  login.secrets = SECRETS;
  assert.deepEqual(login.session.steps, ["idproof:1"]);
});

test("a marketplace installation's configuration stands over the secrets", async () => {
  const login = await new Login({ configuration: { STEPS: "terms:2" } }).execute();
  assert.deepEqual(login.session.steps, ["terms:2"]);
});

test("STEPS=none asks for nothing of its own", async () => {
  const login = await new Login({ secrets: { STEPS: "none" } }).execute();
  assert.equal(login.redirect, undefined);
  assert.equal(login.denied, undefined);
});

test("anything unforeseen denies, and the log does not tell more", async () => {
  const login = new Login({ secrets: { DEBUG: "true" } });
  login.canRedirect = () => {
    throw new Error("ada@example.com");
  };
  await login.execute();
  assert.equal(login.denied, "waystation_configuration");
  assert.deepEqual(login.logged.at(-1), "waystation | deny waystation_configuration | unforeseen");
});

test("nothing is logged unless DEBUG is on", async () => {
  const login = await new Login().execute();
  assert.deepEqual(login.logged, []);
  await login.resume("x");
  assert.deepEqual(login.logged, []);
});

test("the debug log of a whole login holds names of decisions only", async () => {
  const login = await new Login({ secrets: { DEBUG: "true", ON_PENDING: "allow" } }).execute();
  assert.deepEqual(login.logged, ["waystation | login: redirect | idproof:1"]);
  const answer = login.answer({ steps: { idproof: result({ status: "pending" }) }, outcome: "pending" });
  await login.resume(answer);
  assert.deepEqual(login.logged, ["waystation | resume: pass | idproof:1"]);
});

test("the debug log names the claims of an answer that were wrong", async () => {
  const login = await new Login({ secrets: { DEBUG: "true" } }).execute();
  await login.resume(login.answer({ aud: "x", tx: 5 }));
  assert.deepEqual(login.logged, ["waystation | deny waystation_invalid_answer | aud, tx"]);
});

test("the Action fits Auth0: below 100 kB, node's own modules only, no call to anywhere", () => {
  assert.ok(Buffer.byteLength(CODE) < 100_000);
  assert.deepEqual(CODE.match(/require\([^)]*\)/g), ['require("node:crypto")']);
  assert.doesNotMatch(CODE, /\bfetch\(|\bimport\(|XMLHttpRequest/);
});

test("the README lists exactly the settings that the Action reads", () => {
  const read = [...CODE.matchAll(/(?:read\(|settingText\(event, )"([A-Z_]+)"/g)].map(([, name]) => name);
  const readme = readFileSync(path.join(AUTH0, "README.md"), "utf8");
  const listed = [...readme.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(listed.sort(), read.sort());
});

test("the deployment file carries every setting that has no default, as a placeholder", () => {
  const folder = path.join(AUTH0, "deploy-cli");
  const descriptor = JSON.parse(readFileSync(path.join(folder, "actions/waystation.json"), "utf8"));
  const required = Object.keys(SECRETS).sort();
  assert.deepEqual(descriptor.secrets.map(({ name }) => name).sort(), required);
  for (const { name, value } of descriptor.secrets) assert.equal(value, `##WAYSTATION_${name}##`);
  assert.equal(readFileSync(path.join(folder, descriptor.code), "utf8"), CODE);
});
