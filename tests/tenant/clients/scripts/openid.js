"use strict";
/** openid-client with non-repudiation checks: every ID token's signature is verified, whoever it came from. */
const client = require("openid-client");

const logins = new Map();

async function discover({ issuer, clientId, clientSecret }) {
  const insecure = issuer.startsWith("http:") ? [client.allowInsecureRequests] : [];
  const options = { execute: [client.enableNonRepudiationChecks, ...insecure] };
  const authentication = clientSecret ? client.ClientSecretPost(clientSecret) : client.None();
  return client.discovery(new URL(issuer), clientId, {}, authentication, options);
}

/** Begin a login with PKCE, state and nonce; `parameters` are more of the request. */
exports.begin = async ({ redirectUri, scope, parameters, ...options }) => {
  const configuration = await discover(options);
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...parameters,
  });
  logins.set(checks.expectedState, { configuration, checks });
  return { url: url.href, login: checks.expectedState };
};

/** Tokens and claims for the callback that came; `changes` spoil the checks on purpose. */
exports.finish = async ({ login, callback, changes }) => {
  const { configuration, checks } = logins.get(login);
  const tokens = await client.authorizationCodeGrant(configuration, new URL(callback), { ...checks, ...changes });
  return { tokens, claims: tokens.claims() };
};

/** A token request of a login's application beyond its code. */
exports.refresh = async ({ login, token, parameters }) => {
  const tokens = await client.refreshTokenGrant(logins.get(login).configuration, token, parameters);
  return { tokens, claims: tokens.claims() };
};

exports.userinfo = async ({ login, token, subject }) =>
  client.fetchUserInfo(logins.get(login).configuration, token, subject);

exports.revoke = async ({ login, token }) => client.tokenRevocation(logins.get(login).configuration, token);

exports.logoutUrl = async ({ login, parameters }) =>
  client.buildEndSessionUrl(logins.get(login).configuration, parameters).href;

exports.machine = async ({ audience, ...options }) =>
  client.clientCredentialsGrant(await discover(options), { audience });

/** Begin a login of a device; it polls in `awaitDevice`. */
exports.beginDevice = async ({ scope, ...options }) => {
  const configuration = await discover(options);
  const started = await client.initiateDeviceAuthorization(configuration, { scope });
  logins.set(started.device_code, { configuration, started });
  return started;
};

/** Poll as often as the tenant allows, until somebody has logged in or said no. */
exports.awaitDevice = async ({ login }) => {
  const { configuration, started } = logins.get(login);
  const tokens = await client.pollDeviceAuthorizationGrant(configuration, started);
  return { tokens, claims: tokens.claims() };
};
