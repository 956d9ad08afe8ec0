"""The doctor's look at the broker: reachability, topology, permissions; policies too where it may ask.

Nothing is declared, taken or sent. A permission shows in how the broker refuses what is wrong for another
reason as well: a consumer whose priority is no number, a message that expires after no number.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
import aiormq
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from pamqp.commands import Basic

from common.broker import BrokerUnavailableError, open_broker
from common.bus import BrokerRefusedError
from common.doctor import Finding, Patient, fail, ok, skipped, warn
from common.messages import DEAD, EVENTS

_DEFINITIONS = "Load deploy/rabbitmq/definitions.json of this release into the broker."
_OLDEST_VERSION = (3, 10)
_SECONDS = aiohttp.ClientTimeout(total=8, connect=3)


async def look_at_broker(patient: Patient, exchanges: Sequence[str]) -> Sequence[Finding]:
    """As the service talks to it."""
    try:
        async with open_broker(patient.amqp_url) as connection:
            return [_version(connection), *await _look(connection, patient, exchanges)]
    except BrokerRefusedError:
        fix = "Correct user, password and virtual host in AMQP_URL, or add the user to the broker."
        return [fail("broker", "refuses this user, password or virtual host", fix=fix)]
    except BrokerUnavailableError as exc:
        fix = "Start RabbitMQ, or correct host and port in AMQP_URL; look at firewalls and network policies."
        return [fail("broker", str(exc).removeprefix("the broker "), fix=fix)]


def _version(connection: aiormq.Connection) -> Finding:
    version = str(connection.server_properties.get("version", "")) if connection.server_properties else ""
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if parts and parts < _OLDEST_VERSION:
        return warn(
            "broker", f"RabbitMQ {version} is older than what is tried", fix="Upgrade to 3.10 or later."
        )
    return ok("broker", f"answers: RabbitMQ {version or 'of an unknown version'}")


async def _look(connection: aiormq.Connection, patient: Patient, exchanges: Sequence[str]) -> list[Finding]:
    own, user = patient.service, unquote(urlsplit(patient.amqp_url).username or "")
    found = []
    for queue in (own, f"{own}.dead"):
        if not await _is_there(connection, queue=queue):
            found.append(fail("topology", f"there is no queue {queue}", fix=_DEFINITIONS))
        elif not await _may_read(connection, queue):
            refused = fail if queue == own else warn
            found.append(
                refused("permissions", f"user {user} may not read {queue}", fix=_permit(patient, user))
            )
    for exchange in exchanges:
        if not await _is_there(connection, exchange=exchange):
            found.append(fail("topology", f"there is no exchange {exchange}", fix=_DEFINITIONS))
        elif not await _may_write(connection, exchange):
            text = f"user {user} may not write to {exchange}"
            found.append(fail("permissions", text, fix=_permit(patient, user)))
    told = {finding.about for finding in found}
    missing = [
        ok(about, text)
        for about, text in (
            ("topology", f"{own}, {own}.dead and {', '.join(exchanges)} are there"),
            ("permissions", f"user {user} may read and write what the service does"),
        )
        if about not in told
    ]
    return [*missing, *found, *await _consumers(connection, own), *await _dead(connection, f"{own}.dead")]


def _permit(patient: Patient, user: str) -> str:
    last = EVENTS if patient.schema != "gateway" else "waystation.commands"
    write = rf"^waystation\.({last.partition('.')[2]}|{DEAD.partition('.')[2]})$"
    vhost = unquote(urlsplit(patient.amqp_url).path[1:]) or "/"
    return f"rabbitmqctl set_permissions -p {vhost} {user} '^$' '{write}' '^{patient.service}(\\.dead)?$'"


async def _is_there(connection: aiormq.Connection, *, queue: str = "", exchange: str = "") -> bool:
    channel = await connection.channel()
    try:
        if queue:
            await channel.queue_declare(queue, passive=True)
        else:
            await channel.exchange_declare(exchange, passive=True)
    except ChannelNotFoundEntity:
        return False
    return True


async def _may_read(connection: aiormq.Connection, queue: str) -> bool:
    channel = await connection.channel()

    async def ignore(_message: object) -> None:
        return None

    try:
        await channel.basic_consume(queue, ignore, arguments={"x-priority": "none"})
    except ChannelAccessRefused:
        return False
    except ChannelPreconditionFailed:
        return True
    await channel.close()
    return True


async def _may_write(connection: aiormq.Connection, exchange: str) -> bool:
    channel = await connection.channel(publisher_confirms=True)
    properties = Basic.Properties(expiration="never")
    try:
        await channel.basic_publish(
            b"", exchange=exchange, routing_key="waystation.doctor", properties=properties
        )
    except ChannelAccessRefused:
        return False
    except (ChannelPreconditionFailed, AMQPError):
        return True
    return True


async def _consumers(connection: aiormq.Connection, queue: str) -> list[Finding]:
    """Every process of a service has one."""
    channel = await connection.channel()
    try:
        declared = await channel.queue_declare(queue, passive=True)
    except ChannelNotFoundEntity:
        return []
    waiting = f"{declared.message_count or 0} messages wait in it"
    if declared.consumer_count:
        return [ok("consumers", f"{declared.consumer_count} of {queue}; {waiting}")]
    fix = f"Start {queue}, or see in its log what keeps it from the broker."
    return [fail("consumers", f"nobody consumes {queue}; {waiting}", fix=fix)]


async def _dead(connection: aiormq.Connection, queue: str) -> list[Finding]:
    channel = await connection.channel()
    try:
        count = (await channel.queue_declare(queue, passive=True)).message_count or 0
    except ChannelNotFoundEntity:
        return []
    if not count:
        return [ok("dead letters", "there are none")]
    fix = "See `waystation dead-letters list`."
    return [warn("dead letters", f"{count} wait for somebody to look at them", fix=fix)]


async def look_at_management(
    patient: Patient, bindings: Mapping[str, frozenset[tuple[str, str]]]
) -> list[Finding]:
    """Policies and bindings, which AMQP does not tell; `bindings` are (exchange, routing key) by queue."""
    if not patient.management_url:
        fix = "Give BROKER_MANAGEMENT_URL: the management plugin, with a user that has the tag `monitoring`."
        return [skipped("policies", "no BROKER_MANAGEMENT_URL that can be used", fix=fix)]
    parts = urlsplit(patient.management_url)
    origin = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 15672)}"
    login = aiohttp.encode_basic_auth(unquote(parts.username or ""), unquote(parts.password or ""))
    vhost = quote(unquote(urlsplit(patient.amqp_url).path[1:]) or "/", safe="")
    try:
        async with aiohttp.ClientSession(headers={"Authorization": login}, timeout=_SECONDS) as session:
            found = [
                finding
                for queue, wanted in bindings.items()
                for finding in await _queue(
                    session, f"{origin}/api/queues/{vhost}/{quote(queue)}", queue, wanted
                )
            ]
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError) as exc:
        fix = "Correct BROKER_MANAGEMENT_URL: a user with the tag `monitoring`, and the plugin's own port."
        return [warn("policies", f"the management plugin does not tell ({type(exc).__name__})", fix=fix)]
    return found or [ok("policies", "queues have their type, policies and bindings")]


async def _queue(
    session: aiohttp.ClientSession, url: str, queue: str, wanted: frozenset[tuple[str, str]]
) -> list[Finding]:
    told = await _get(session, url)
    bound = {(one["source"], one["routing_key"]) for one in await _get(session, f"{url}/bindings")}
    found = []
    if told["type"] != "quorum":
        text = f"{queue} is a {told['type']} queue, which one lost node loses"
        found.append(fail("policies", text, fix=f"Delete it while it is empty. {_DEFINITIONS}"))
    policy = told.get("effective_policy_definition") or {}
    if not queue.endswith(".dead") and policy.get("dead-letter-exchange") != DEAD:
        found.append(fail("policies", f"{queue} has no policy that keeps what it gives up", fix=_DEFINITIONS))
    if "delivery-limit" not in policy:
        found.append(fail("policies", f"{queue} has no delivery limit of ours", fix=_DEFINITIONS))
    for exchange, key in sorted(wanted - bound):
        found.append(fail("topology", f"{queue} is not bound to {exchange} by {key}", fix=_DEFINITIONS))
    return found


async def _get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url, allow_redirects=False) as response:
        response.raise_for_status()
        return await response.json()
