"use strict";
/** Verifying again: what makes a login unusual, what is remembered of a usual one, and the rules that ask anyway. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { FUTURE, Login, PAST, SECRETS, record } = require("./support.js");

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
