"use strict";
/** node-auth0: its Management client, the Authentication client of today and that of its version 4. */
const { AuthClient } = require("@auth0/auth0-auth-js");
const { ManagementClient } = require("auth0");
const legacy = require("auth0/legacy");

const reach = (object, path) => {
  const names = path.split(".");
  const method = names.pop();
  const owner = names.reduce((value, name) => value[name], object);
  return owner[method].bind(owner);
};

/** One method of the Management client, for example `users.get`; a page comes back as all its items. */
exports.management = async ({ path, input, ...options }) => {
  const result = await reach(new ManagementClient(options), path)(...input);
  if (typeof result?.[Symbol.asyncIterator] !== "function") return result;
  const items = [];
  for await (const item of result) items.push(item);
  return items;
};

/** Several calls at once on one client; what each came to: its result, or its status. */
exports.together = async ({ path, inputs, ...options }) => {
  const method = reach(new ManagementClient(options), path);
  const settled = await Promise.allSettled(inputs.map((input) => method(...input)));
  return settled.map(({ value, reason }) => value ?? { failed: reason.statusCode });
};

const authentication = (options) =>
  new AuthClient({ ...options, authorizationParams: { redirect_uri: options.redirectUri, scope: options.scope } });

/** Where to log in, and the verifier to keep meanwhile. */
exports.begin = async (options) => {
  const { authorizationUrl, codeVerifier } = await authentication(options).buildAuthorizationUrl();
  return { url: authorizationUrl.href, verifier: codeVerifier };
};

/** Tokens for the callback that came. */
exports.finish = async ({ callback, verifier, ...options }) =>
  authentication(options).getTokenByCode(new URL(callback), { codeVerifier: verifier });

/** One method of the Authentication client, for example `getTokenByPassword`. */
exports.authentication = async ({ method, input, ...options }) => authentication(options)[method](...input);

/** One method of version 4's Authentication client, for example `oauth.passwordGrant`. */
exports.version4 = async ({ path, input, ...options }) => {
  const { data } = await reach(new legacy.AuthenticationClient(options), path)(...input);
  return data;
};
