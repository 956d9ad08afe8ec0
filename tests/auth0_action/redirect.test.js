"use strict";
/** What leaves for the gateway, what is kept, and the logins that cannot be sent anywhere. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { GATEWAY, Login, PAST, openProfile, record } = require("./support.js");

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
