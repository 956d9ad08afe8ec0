"""Every field that a log line may have, of whichever service: its name, type, unit and meaning.

What OpenTelemetry has a name for is called so, with underscores for its dots: a store flattens nested objects
in one way or another, and so there are none. A field has one type wherever it occurs.
"""

from common.log_contract import Field, Type

_CODE = r"^[a-z][a-z0-9_]*$"
_COUNTED = Type.INTEGER
STEPS = ("password", "terms", "profile", "idproof", "stepup")
OUTCOMES = ("passed", "failed", "declined", "pending", "abandoned")

# ---- on every line ---------------------------------------------------------------------------------------

TIMESTAMP = Field("timestamp", "UTC, milliseconds.", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
SEVERITY = Field(
    "severity",
    "How loudly; as an OpenTelemetry `SeverityText`.",
    values=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    label=True,
)
EVENT = Field("event", "The event's name.", pattern=r"^[a-z]+\.[a-z_]+$")
SERVICE_NAME = Field(
    "service_name", "Who wrote the line.", values=("gateway", "proofing", "metadata-sync"), label=True
)
SERVICE_VERSION = Field("service_version", "Of which release.", pattern=r"^\d+\.\d+\.\d+\S*$")
DEPLOYMENT_ENVIRONMENT_NAME = Field(
    "deployment_environment_name",
    "The service's `ENVIRONMENT`.",
    values=("production", "development"),
    label=True,
)
ALWAYS = (TIMESTAMP, SEVERITY, EVENT, SERVICE_NAME, SERVICE_VERSION, DEPLOYMENT_ENVIRONMENT_NAME)

# ---- where they are known --------------------------------------------------------------------------------

TENANT = Field("tenant", "The tenant's key in `tenants.yaml`.", required=False)
TRANSACTION_ID = Field(
    "transaction_id", "The login, the same in all services; of an erasure, its own.", required=False
)
TRACE_ID = Field("trace_id", "The W3C trace.", pattern=r"^[0-9a-f]{32}$", required=False)
SPAN_ID = Field("span_id", "The span of that trace.", pattern=r"^[0-9a-f]{16}$", required=False)
CONTEXT = (TENANT, TRANSACTION_ID, TRACE_ID, SPAN_ID)

ERROR_TYPE = Field(
    "error_type", "The class of the exception.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", required=False
)
ERROR_CAUSES = Field("error_causes", "The classes of what it came from.", type=Type.TEXTS, required=False)
EXCEPTION_STACKTRACE = Field(
    "exception_stacktrace",
    "`package/module.py:line:function`, innermost last; never a value, never a message.",
    type=Type.TEXTS,
    required=False,
)
EXCEPTION = (ERROR_TYPE, ERROR_CAUSES, EXCEPTION_STACKTRACE)
DROPPED_FIELDS = Field(
    "dropped_fields",
    "So many fields were left out, because the catalogue does not have them: a mistake of ours.",
    type=_COUNTED,
    required=False,
)

# ---- HTTP and messages -----------------------------------------------------------------------------------

HTTP_REQUEST_METHOD = Field("http_request_method", "`?` if it is no word.", pattern=r"^(\?|\w+)$")
HTTP_ROUTE = Field("http_route", "The route's template, `none` where none fits; never the path.")
HTTP_RESPONSE_STATUS_CODE = Field("http_response_status_code", "The status.", type=_COUNTED)
DURATION_MS = Field("duration_ms", "Until the answer was ready.", type=Type.NUMBER, unit="ms")
CODE = Field("code", "Why a request was refused, as the tests name it.", pattern=_CODE)
MESSAGE_TYPE = Field(
    "message_type",
    "The message's `type`.",
    values=(
        *("VerifyIdentity", "VerificationChanged", "UpdateMetadata", "MetadataApplied", "MetadataRejected"),
        *("ForgetUser", "UserForgotten"),
    ),
)
EVENT_ID = Field("event_id", "The message's logical id, as in its header `x-event-id`.")
ROUTING_KEY = Field("messaging_rabbitmq_destination_routing_key", "Where the message goes.")
QUEUE = Field("queue", "The service's queue.", values=("gateway", "proofing", "metadata-sync"))
ATTEMPT = Field("attempt", "Which attempt it was, counted from 1.", type=_COUNTED)

LETTERS = Field("letters", "So many dead letters.", type=_COUNTED)
EVENT_IDS = Field(
    "event_ids",
    "Of each letter: its `event_id`, or `body-…` where it has none that looks like one.",
    type=Type.TEXTS,
)
COMMAND = Field("command", "What an operator typed after `waystation`, without ids.")

# ---- what happened ---------------------------------------------------------------------------------------

REASON = Field("reason", "A code.", pattern=_CODE)
OUTCOME = Field("outcome", "How it ended.", pattern=_CODE)
STEP = Field("step", "The step's name.", values=STEPS)
STEPS_DUE = Field("steps", "The steps that are due, in order.", type=Type.TEXTS, values=STEPS)
STEP_OUTCOMES = Field(
    "outcomes", "`step=outcome` of each step.", type=Type.TEXTS, pattern=rf"^({'|'.join(STEPS)})=[a-z]+$"
)
METADATA = Field("metadata", "What became of the results at the tenant.")
STATUS = Field("status", "How far the login was.")
WAITING_FOR = Field("waiting_for", "What was late.")
ATTEMPTS_LEFT = Field("attempts_left", "So many more may be made.", type=_COUNTED)
PROBLEMS = Field(
    "problems", "Codes of what is wrong with the input, at times with `:field`.", type=Type.TEXTS
)
ASKED = Field("asked", "So many fields were asked for.", type=_COUNTED)
CHANGED = Field("changed", "So many of them are new or different.", type=_COUNTED)
NETWORK = Field("network", "Where the browser is, seen from where the login began.")
LIMIT = Field("limit", "Which limit.", pattern=_CODE)
REFUSED = Field("refused", "So many since the last such line.", type=_COUNTED)
KEY_COUNT = Field("key_count", "So many keys.", type=_COUNTED)
LOGINS = Field("logins", "So many logins of the person.", type=_COUNTED)
CANCELLED = Field("cancelled", "So many of them were open, and are cancelled.", type=_COUNTED)
WAS_KNOWN = Field("was_known", "Whether anything of the person was there.", type=Type.FLAG)
BY_SERVICE = Field("service", "Which of the others.", values=("proofing", "metadata-sync"))
REV = Field("rev", "The erasure's place in the order of the person's changes.", type=_COUNTED)
RETRY_AFTER = Field("retry_after", "When to try again.", type=Type.NUMBER, unit="s")

VERIFICATION_ID = Field("verification_id", "The verification.")
VERIFICATIONS = Field("verifications", "So many verifications.", type=_COUNTED)
PROVIDER = Field("provider", "Who verified.")
ASSURANCE = Field("assurance", "The assurance level.", pattern=_CODE)
REASONS = Field("reasons", "Codes, the gravest first.", type=Type.TEXTS, pattern=_CODE)

WAITING = Field("waiting", "Whether somebody waits in a browser.", type=Type.FLAG)
KEYS = Field("keys", "`key=rev` of each key of the person's metadata.", type=Type.TEXTS, pattern=r"=\d+$")
SECONDS = Field("seconds", "For so long.", type=Type.NUMBER, unit="s")

# ---- the process itself ----------------------------------------------------------------------------------

TENANTS = Field("tenants", "So many tenants.", type=_COUNTED)
CAUSE = Field("cause", "One sentence of ours.")
TASK = Field("task", "Which loop of the service.", pattern=_CODE)
SEAL = Field("seal", "The seal's number.", type=_COUNTED)
EVENTS = Field("events", "So many events.", type=_COUNTED)
DIGEST = Field("digest", "SHA-256 over the batch and the seal before.", pattern=r"^[0-9a-f]{64}$")
REMOVED = Field("removed", "`what=rows` of each.", type=Type.TEXTS, pattern=r"^[a-z_]+=\d+$")
MISTAKES = Field(
    "mistakes", "`file:line: what is wrong`, each as `waystation tenants check` has it.", type=Type.TEXTS
)
SOURCE = Field("source", "`package/module.py:line`, or which hook caught it.")
LOGGER = Field("logger", "The library's logger.")
TEMPLATE = Field("template", "The library's message before anything was put into it.")
