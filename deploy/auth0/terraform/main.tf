# Made by ./dev package from ../actions/waystation/code.js. Change that, not this.

terraform {
  required_version = ">= 1.5"
  required_providers {
    auth0 = {
      source  = "auth0/auth0"
      version = ">= 1.14"
    }
  }
}

locals {
  # The Action's secrets by their names there; what is not given keeps the Action's own default.
  settings = {
    START_URL                    = var.start_url
    SESSION_TOKEN_SECRET         = var.session_token_secret
    SESSION_TOKEN_PRIVATE_KEY    = var.session_token_private_key
    SESSION_TOKEN_AUDIENCE       = var.session_token_audience
    ANSWER_TOKEN_SECRET          = var.answer_token_secret
    ANSWER_TOKEN_SECRET_PREVIOUS = var.answer_token_secret_previous
    ANSWER_TOKEN_PUBLIC_KEYS     = var.answer_token_public_keys
    ANSWER_TOKEN_ISSUER          = var.answer_token_issuer
    ANSWER_TOKEN_AUDIENCE        = var.answer_token_audience
    PROFILE_KEY                  = var.profile_key
    STEPS                        = var.steps
    STEPS_ON_REQUEST             = var.steps_on_request
    PROFILE_FIELDS               = var.profile_fields
    PASSWORD_SINCE               = var.password_since
    STEPUP_ON                    = var.stepup_on
    STEPUP_RULES                 = var.stepup_rules
    ON_BLOCKED                   = var.on_blocked
    ON_PENDING                   = var.on_pending
    BROWSER_CHECK                = var.browser_check
    CONTINUE_ORIGIN              = var.continue_origin
    NAMESPACE                    = var.namespace
    CLAIMS_NAMESPACE             = var.claims_namespace
    DEBUG                        = var.debug
  }
}

resource "auth0_action" "waystation" {
  name    = "waystation"
  runtime = "node22"
  deploy  = true
  code    = file("${path.module}/code.js")

  supported_triggers {
    id      = "post-login"
    version = "v3"
  }

  dynamic "secrets" {
    for_each = toset(nonsensitive([for name, value in local.settings : name if value != null]))
    content {
      name  = secrets.value
      value = local.settings[secrets.value]
    }
  }
}

# Appends itself to the flow. Where auth0_trigger_actions owns the whole list, set bind = false and name the Action there.
resource "auth0_trigger_action" "waystation" {
  count     = var.bind ? 1 : 0
  trigger   = "post-login"
  action_id = auth0_action.waystation.id
}

# The machine-to-machine application with which metadata-sync writes.
resource "auth0_client" "metadata_sync" {
  name        = "Waystation metadata sync"
  app_type    = "non_interactive"
  grant_types = ["client_credentials"]
}

resource "auth0_client_grant" "metadata_sync" {
  client_id = auth0_client.metadata_sync.id
  audience  = "https://${var.auth0_domain}/api/v2/"
  scopes    = ["update:users", "update:users_app_metadata", "create:user_tickets"]
}

output "action_id" {
  description = "For auth0_trigger_actions, where that owns the list."
  value       = auth0_action.waystation.id
}

output "management_client_id" {
  description = "tenants.yaml: management.client_id. Its secret is in the dashboard."
  value       = auth0_client.metadata_sync.id
}
