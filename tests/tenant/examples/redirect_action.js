/**
 * The shape of a redirect Action in Auth0's documentation: ask an external service for something that the
 * profile lacks, and go on with what it answers. Secrets: MY_REDIRECT_SECRET.
 *
 *   python -m tests.tenant --action tests/tenant/examples/redirect_action.js \
 *     --secret MY_REDIRECT_SECRET=a-secret-of-at-least-32-characters
 */
exports.onExecutePostLogin = async (event, api) => {
  if (event.user.app_metadata.favourite_colour) return;
  const token = api.redirect.encodeToken({
    secret: event.secrets.MY_REDIRECT_SECRET,
    expiresInSeconds: 60,
    payload: {
      email: event.user.email,
      continue_uri: `https://${event.request.hostname}/continue`,
    },
  });
  api.redirect.sendUserTo("http://127.0.0.3:8000/colour", { query: { session_token: token } });
};

exports.onContinuePostLogin = async (event, api) => {
  const answer = api.redirect.validateToken({
    secret: event.secrets.MY_REDIRECT_SECRET,
    tokenParameterName: "session_token",
  });
  if (!answer.colour) {
    api.access.deny("no_colour");
    return;
  }
  api.user.setAppMetadata("favourite_colour", answer.colour);
  api.idToken.setCustomClaim("https://example.org/colour", answer.colour);
};
