"use strict";
/** The password step: when it is due, that it runs alone, and what it takes to begin the login again. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Login, record } = require("./support.js");

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
