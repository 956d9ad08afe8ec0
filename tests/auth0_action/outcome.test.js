"use strict";
/** What a right answer means: what is written, what the application is told, what the next login makes of it. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { FUTURE, Login, PAST, record, result } = require("./support.js");

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
