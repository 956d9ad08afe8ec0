"use strict";
/** What an answer must be before it counts, and which browser may bring it. */

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Login, NOW, PAST, SECRETS, encode, record, result, validateSignatureOnly } = require("./support.js");

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
