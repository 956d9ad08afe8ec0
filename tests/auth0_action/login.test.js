"use strict";
/** What is due at a login, and what lets a login through at once. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { FUTURE, Login, PAST, record } = require("./support.js");

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
