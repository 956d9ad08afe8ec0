"""Root attributes and user_metadata on their way to the emulated tenant."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.consumer import PoisonMessageError
from common.messages import Kind, encode, new_event_id
from metadata_sync.parked import Chosen, find_parked, redrive
from tests.journeys.canaries import seen
from tests.metadata_sync.personal_updates import personal_update
from tests.metadata_sync.rig import Rig, open_rig
from tests.metadata_sync.rows import every_row
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase
from tests.support.waiting import wait_until

CANARY = "Xaverine-Canary"


async def _bodies(tenant: Tenant) -> list[dict[str, Any]]:
    return [json.loads(call["body"]) for call in await tenant.calls("PATCH")]


async def _federated(tenant: Tenant) -> str:
    """A user whose identity provider sends the profile at each login."""
    tenant.user_id = tenant.user_id.replace("auth0|", "google-oauth2|")
    await tenant.create_user()
    return tenant.user_id


async def test_each_kind_is_a_call_of_its_own(rig: Rig, tenant: Tenant) -> None:
    """A transaction that asks for three kinds is answered once, after three calls."""
    all_kinds = personal_update(
        3,
        user_id=tenant.user_id,
        root={"given_name": CANARY},
        user_metadata={"birthdate": "1990-01-31"},
        keys=update(3, user_id=tenant.user_id).keys,
    )
    await rig.take_in(all_kinds)
    (applied,) = await rig.until_applied()
    assert applied.keys == {KEY: 3}
    assert applied.personal == {Kind.ROOT: {"given_name": 3}, Kind.USER_METADATA: {"birthdate": 3}}
    assert await _bodies(tenant) == [
        {"app_metadata": {KEY: value(3)}},
        {"given_name": CANARY},
        {"user_metadata": {"birthdate": "1990-01-31"}},
    ]


async def test_an_unchanged_attribute_is_no_call(rig: Rig, tenant: Tenant) -> None:
    """Suppression knows each kind, without keeping the value."""
    await rig.take_in(personal_update(1, user_id=tenant.user_id, root={"nickname": "ann"}))
    await rig.until_applied()
    await rig.take_in(personal_update(2, user_id=tenant.user_id, root={"nickname": "ann"}))
    _, again = await rig.until_applied(2)
    assert again.personal == {Kind.ROOT: {"nickname": 2}}
    assert await _bodies(tenant) == [{"nickname": "ann"}]


async def test_what_the_provider_sets_goes_to_user_metadata(rig: Rig, tenant: Tenant) -> None:
    """After one refusal the attribute is in user_metadata, and the next one goes there at once."""
    user_id = await _federated(tenant)
    await rig.take_in(personal_update(1, user_id=user_id, root={"given_name": "Ann"}))
    await rig.until_applied()
    await rig.take_in(personal_update(2, user_id=user_id, root={"given_name": None}))
    applied = await rig.until_applied(2)
    assert [event.personal for event in applied] == [
        {Kind.ROOT: {"given_name": 1}},
        {Kind.ROOT: {"given_name": 2}},
    ]
    assert await _bodies(tenant) == [
        {"given_name": "Ann"},
        {"user_metadata": {"given_name": "Ann"}},
        {"user_metadata": {"given_name": None}},
    ]


async def test_personal_values_are_readable_nowhere(
    rig: Rig, tenant: Tenant, database: ServiceDatabase
) -> None:
    """Not in the message, not in the database while they wait to be written, and not at all afterwards."""
    await tenant.fault(status=503)
    sent = personal_update(1, user_id=tenant.user_id, user_metadata={"birthdate": CANARY})
    await rig.take_in(sent)
    await _until_failed(rig, tenant)
    texts = [encode(sent).decode(), *await every_row(database)]
    assert seen({"birthdate": CANARY}, texts) == []
    assert '"encrypted"' in "".join(texts)
    await rig.until_applied()


async def _until_failed(rig: Rig, tenant: Tenant) -> None:
    async def has_failed() -> bool:
        return (await rig.state_of(tenant.user_id)).failures > 0

    await wait_until(has_failed)


async def test_without_its_key_file_a_value_is_parked(
    database: ServiceDatabase, tenant: Tenant, tenants_file: Path
) -> None:
    """Nothing is sent and who asked is told; with the key back a redrive writes it."""
    await tenant.fault(status=503)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(personal_update(1, user_id=tenant.user_id, root={"nickname": CANARY}))
        await _until_failed(rig, tenant)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file, data_key=b"x" * 32) as rig:
        await wait_until(lambda: rig.rejected)
        (rejected,) = rig.rejected
        assert (rejected.reason, rejected.keys) == ("value_unreadable", {})
        assert rejected.personal == {Kind.ROOT: {"nickname": 1}}
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        (write,) = [write async for write in find_parked(rig.database, Chosen(kind=Kind.ROOT))]
        assert (write.kind, write.key, write.value) == (Kind.ROOT, "nickname", "(personal)")
        assert [write async for write in find_parked(rig.database, Chosen(kind=Kind.APP_METADATA))] == []
        assert await redrive(rig.database, Chosen(user_id=tenant.user_id)) == 1
        await wait_until(lambda: _is_nickname(tenant, CANARY))


async def _is_nickname(tenant: Tenant, name: str) -> bool:
    return bool((await tenant.user())["nickname"] == name)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"root": {"email": "ann@example.org"}}, "key_forbidden"),
        ({"user_metadata": {"given_name": "Ann"}}, "key_forbidden"),
        ({"root": {"given_name": "A" * 151}}, "attribute_malformed"),
        ({"root": {"given_name": ""}}, "attribute_malformed"),
        ({"root": {"given_name": {"first": "Ann"}}}, "attribute_malformed"),
        ({"user_metadata": {"address": "A" * 1100}}, "value_too_large"),
        ({"user_metadata": {f"line{n}": "A" * 900 for n in range(3)}}, "total_too_large"),
        ({"user_metadata": {"address": "\0"}}, "value_not_json"),
        ({"root": {"given_name": "Ann"}, "event_id": new_event_id()}, "sealed_unreadable"),
    ],
)
async def test_what_may_never_be_written(
    rig: Rig, tenant: Tenant, values: dict[str, Any], reason: str
) -> None:
    """The update is dead-lettered with a reason, and nothing of it is kept."""
    sent = personal_update(1, user_id=tenant.user_id, **values)
    with pytest.raises(PoisonMessageError, match=rf"^{reason}$"):
        await rig.handle(sent)
    assert (await rig.state_of(tenant.user_id)).desired == {}
