"""Identity proofing: verdicts, reasons, how long they take, reviews."""

from deploy.dashboards.source.model import Board, Look, Panel, Section
from deploy.dashboards.source.queries import SHOWN, count, increase, lines, log, metric, p

_CONCLUDED = lines("verification.concluded", service="proofing")
_APPROVED = lines("verification.concluded", service="proofing", where='outcome="approved"')

_VERDICTS = Section(
    title="Verdicts",
    panels=(
        Panel(
            title="Verifications by outcome",
            tells="What providers found: approved, declined, review, canceled, expired or error.",
            look=Look.BARS,
            queries=(log(count(_CONCLUDED, by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="Verifications a second, by provider",
            tells="As counted by the processes, by provider and outcome.",
            look=Look.GRAPH,
            unit="ops",
            queries=(
                metric(
                    increase('proofing_jobs_total{tenant=~"$tenant"}', by="provider, outcome"),
                    "{{provider}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            title="Share approved",
            tells="Of all that ended, by tenant.",
            look=Look.GRAPH,
            unit="percentunit",
            queries=(
                log(f"{count(_APPROVED, by='tenant')} / {count(_CONCLUDED, by='tenant')}", "{{tenant}}"),
            ),
        ),
        Panel(
            title="Assurance",
            tells="The level that each verification reached.",
            look=Look.TABLE,
            queries=(log(count(_CONCLUDED, by="provider, assurance, outcome", per=SHOWN)),),
        ),
        Panel(
            title="Reasons",
            tells="Codes of the verifications that were not approved, the gravest first.",
            look=Look.TABLE,
            queries=(
                log(
                    count(
                        lines(
                            "verification.concluded",
                            service="proofing",
                            where='outcome!="approved"',
                            listed="reasons",
                        ),
                        by="outcome, reasons",
                        per=SHOWN,
                    )
                ),
            ),
        ),
        Panel(
            title="Tried again at the form",
            tells="Verdicts that may be about a slip of the keyboard, and slips that the form found itself.",
            look=Look.GRAPH,
            queries=(
                log(
                    count(lines("step.refused", service="gateway", where='step="idproof"'), by="reason"),
                    "refused, {{reason}}",
                ),
                log(
                    count(lines("step.mistyped", service="gateway", where='step="idproof"')),
                    "mistyped",
                ),
            ),
        ),
    ),
)

_TIME = Section(
    title="Time and backlog",
    panels=(
        Panel(
            title="Duration of a check",
            tells="From the command to the commit of its verdict, the provider included.",
            look=Look.GRAPH,
            unit="s",
            queries=(
                metric(p(0.5, "proofing_job_duration_seconds", by="provider"), "median, {{provider}}"),
                metric(p(0.95, "proofing_job_duration_seconds", by="provider"), "p95, {{provider}}"),
            ),
        ),
        Panel(
            title="Commands that wait",
            tells="In the queue `proofing`, and those that a process has in hand.",
            look=Look.GRAPH,
            queries=(
                metric('sum (rabbitmq_detailed_queue_messages_ready{queue="proofing"})', "ready"),
                metric('sum (rabbitmq_detailed_queue_messages_unacked{queue="proofing"})', "in hand"),
            ),
        ),
        Panel(
            title="Logins that did not wait for their verdict",
            tells="They went on as pending; the verdict reaches the metadata later.",
            look=Look.BARS,
            queries=(
                log(
                    count(lines("login.went_on_without", service="gateway"), by="waiting_for"),
                    "{{waiting_for}}",
                ),
            ),
        ),
        Panel(
            title="Pending, and decided by a person",
            tells="Reviews that were opened, looked at and settled.",
            look=Look.GRAPH,
            queries=(
                log(
                    count(lines("verification.concluded", service="proofing", where='outcome="review"')),
                    "opened",
                ),
                log(count(lines("review.shown", service="proofing")), "looked at"),
                log(count(lines("review.decided", service="proofing"), by="outcome"), "{{outcome}}"),
            ),
        ),
        Panel(
            title="What went wrong",
            tells="Commands that no provider can be asked about, evidence that does not open, repetitions.",
            look=Look.LINES,
            width=24,
            queries=(
                log(
                    lines(
                        "verification.unusable",
                        "verification.repeated",
                        "verification.dropped",
                        "evidence.does_not_open",
                        service="proofing",
                    )
                ),
            ),
        ),
    ),
)

BOARD = Board(
    name="proofing",
    title="Waystation: proofing",
    tells="Verdicts and their reasons, how long they take, what waits, reviews.",
    sections=(_VERDICTS, _TIME),
)
