"use strict";
/** What the profile step is told of the person, what a login may ask for itself, and what a result may say more. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Login, record, result } = require("./support.js");

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
