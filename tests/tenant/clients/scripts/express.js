"use strict";
/** A web application as express-openid-connect's README has it. */
const express = require("express");
const { auth, requiresAuth } = require("express-openid-connect");

let server;

/** Listen at `baseURL`; every other option is the library's own. */
exports.start = async (options) => {
  const app = express();
  app.use(auth({ ...options, errorOnRequiredAuth: false }));
  app.get("/", (request, response) => response.json({ loggedIn: request.oidc.isAuthenticated() }));
  app.get("/profile", requiresAuth(), async (request, response) => {
    const { access_token: token } = request.oidc.accessToken;
    response.json({ claims: request.oidc.idTokenClaims, userinfo: await request.oidc.fetchUserInfo(), token });
  });
  app.get("/refresh", requiresAuth(), async (request, response) => {
    const { access_token: token } = await request.oidc.accessToken.refresh();
    response.json({ token });
  });
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).json({ error: error.error, description: error.error_description });
  });
  const { hostname, port } = new URL(options.baseURL);
  server = app.listen(Number(port), hostname);
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
};

exports.stop = async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};
