# Made by ./dev package from ../actions/waystation/code.js. Change that, not this.

variable "auth0_domain" {
  description = "The tenant's canonical domain, for example acme.eu.auth0.com."
  type        = string
}

variable "bind" {
  description = "Whether to put the Action at the end of the post-login flow."
  type        = bool
  default     = true
}

variable "start_url" {
  description = "Gateway address: `https://GATEWAY/start/TENANT/ENTRY`; several Actions in one login need different entries."
  type        = string
}

variable "session_token_secret" {
  description = "Session token secret: signs what we send; 32 bytes or more."
  type        = string
  default     = null
  sensitive   = true
}

variable "session_token_private_key" {
  description = "Session token private key: signs what we send with RS256 instead; PKCS #8, RSA, 2048 to 4096 bits, as PEM or as the base64 inside of it."
  type        = string
  default     = null
  sensitive   = true
}

variable "session_token_audience" {
  description = "Session token audience: its `aud`."
  type        = string
  default     = null
}

variable "answer_token_secret" {
  description = "Answer token secret: verifies what comes back; 32 bytes or more."
  type        = string
  default     = null
  sensitive   = true
}

variable "answer_token_secret_previous" {
  description = "Previous answer token secret: also accepted while secrets are rotated; tried only after a signature failure."
  type        = string
  default     = null
  sensitive   = true
}

variable "answer_token_public_keys" {
  description = "Answer token public keys: verify what comes back signed with RS256; the gateway's, as PEM or as the base64 inside of it, separated by commas; five at most."
  type        = string
  default     = null
}

variable "answer_token_issuer" {
  description = "Answer token issuer: the answer's `iss`."
  type        = string
  default     = null
}

variable "answer_token_audience" {
  description = "Answer token audience: the answer's `aud`; the tenant's key is a good one."
  type        = string
}

variable "profile_key" {
  description = "Profile key: base64url of 32 bytes; encrypts the personal fields."
  type        = string
  sensitive   = true
}

variable "steps" {
  description = "Steps: `name:revision,…`, for example `terms:3,idproof:1`; `none` asks for nothing of its own."
  type        = string
}

variable "steps_on_request" {
  description = "Steps on request: steps that a login may ask for itself, below; as `STEPS`."
  type        = string
  default     = null
}

variable "profile_fields" {
  description = "Profile fields: what the step `profile` is told: root attributes and `user_metadata.KEY`; at most 20 names and 300 characters; `idproof` is told of `user_metadata.given_name` and `user_metadata.family_name` if they are among them."
  type        = string
  default     = null
}

variable "password_since" {
  description = "Password changed since: `password` is due for whoever has not changed it since then, `2026-11-22T00:00:00Z`."
  type        = string
  default     = null
}

variable "stepup_on" {
  description = "Usual logins: which of these must be known for a login to be usual."
  type        = string
  default     = null
}

variable "stepup_rules" {
  description = "Step-up rules: what makes `stepup` due in a usual login too: `always`, `acr=VALUE` (`acr_values` has it)."
  type        = string
  default     = null
}

variable "on_blocked" {
  description = "Blocked logins: what to do where no redirect is possible, below."
  type        = string
  default     = null
}

variable "on_pending" {
  description = "Pending steps: `allow` lets a pending step through; its claim says `pending`, and the next login asks again."
  type        = string
  default     = null
}

variable "browser_check" {
  description = "Browser check: which marks must be the same at resume: `browser` = user agent and country, `network` = also the network, `off` = none."
  type        = string
  default     = null
}

variable "continue_origin" {
  description = "Origin to continue at: where the answer goes, by default `https://` + the login's host; only for tenants that do not answer on https and port 443."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Metadata namespace: prefix of every metadata key."
  type        = string
  default     = null
}

variable "claims_namespace" {
  description = "Claims namespace: prefix of every claim; https, ends with `/`, not a domain of Auth0."
  type        = string
  default     = null
}

variable "debug" {
  description = "Debug log: `on` (or `true`, `1`, `yes`) logs one line a decision, names only."
  type        = string
  default     = null
}
