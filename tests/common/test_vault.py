import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from common.db import Database, open_database
from common.vault import Place, Vault, VaultError
from tests.support.databases import ServiceDatabase

OLD, NEW = b"o" * 32, b"n" * 32
HERE = Place(tenant="acme", subject="auth0|anna", field="evidence", row="vf_1")


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with open_database(
        database.proofing, schema="proofing", application_name="test", production=True, all_tenants=True
    ) as opened:
        yield opened


async def put(db: Database, vault: Vault, plaintext: bytes, place: Place = HERE) -> bytes:
    async with db.transaction() as connection:
        return await vault.encrypt(connection, plaintext, place=place)


async def get(db: Database, vault: Vault, ciphertext: bytes, place: Place = HERE) -> bytes:
    async with db.connection() as connection:
        return await vault.decrypt(connection, ciphertext, place=place)


@pytest.mark.parametrize("plaintext", [b"", b"x", b"ERIKSSON<<ANNA" * 1000, bytes(range(256))])
async def test_it_opens_where_it_stands(db: Database, plaintext: bytes) -> None:
    """What was encrypted for a place opens there, whatever it is."""
    vault = Vault((NEW,))
    assert await get(db, vault, await put(db, vault, plaintext)) == plaintext


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(HERE, tenant="globex"),
        replace(HERE, subject="auth0|bert"),
        replace(HERE, field="name"),
        replace(HERE, row="vf_2"),
        replace(HERE, field="evidence|vf_1", row=""),
    ],
)
async def test_a_copy_elsewhere_does_not_open(db: Database, elsewhere: Place) -> None:
    """Copied to another tenant, person, field or row, a ciphertext does not open, though a key is there."""
    vault = Vault((NEW,))
    ciphertext = await put(db, vault, b"x")
    await put(db, vault, b"y", elsewhere)
    with pytest.raises(VaultError):
        await get(db, vault, ciphertext, elsewhere)


async def test_every_bit_counts(db: Database) -> None:
    """A ciphertext with any single bit flipped, or cut at any length, does not open."""
    vault = Vault((NEW,))
    ciphertext = await put(db, vault, b"xyz")
    async with db.connection() as connection:
        for bit in range(len(ciphertext) * 8):
            flipped = bytearray(ciphertext)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(VaultError):
                await vault.decrypt(connection, bytes(flipped), place=HERE)
        for length in range(len(ciphertext)):
            with pytest.raises(VaultError):
                await vault.decrypt(connection, ciphertext[:length], place=HERE)


async def test_the_form_of_a_ciphertext(db: Database) -> None:
    """Version 1, eight bytes of key id, sixteen of data key id, twelve of nonce, then text and tag."""
    ciphertext = await put(db, Vault((NEW,)), b"xyz")
    assert ciphertext[0] == 1
    assert len(ciphertext) == 1 + 8 + 16 + 12 + 3 + 16
    async with db.connection() as connection:
        row = await connection.fetchrow("SELECT kek_id, dek_id, wrapped FROM data_keys")
    assert row is not None
    assert ciphertext[1:25] == row["kek_id"] + row["dek_id"]
    assert len(row["wrapped"]) == 40  # RFC 3394 adds eight bytes to the key


async def test_rotation(db: Database) -> None:
    """After a rotation what is there still opens, and a new person's key is wrapped by the new one."""
    before = await put(db, Vault((OLD,)), b"before")
    both = Vault((NEW, OLD))
    other = replace(HERE, subject="auth0|bert")
    after = await put(db, both, b"after", other)
    assert await get(db, both, before) == b"before"
    assert await get(db, both, await put(db, both, b"again")) == b"again"
    assert await get(db, Vault((NEW,)), after, other) == b"after"


async def test_a_missing_key_file(db: Database) -> None:
    """Without the key that wrapped a person's data key nothing of theirs opens, and nothing is added."""
    before = await put(db, Vault((OLD,)), b"before")
    with pytest.raises(VaultError, match=r"^unknown key-encryption key$"):
        await get(db, Vault((NEW,)), before)
    with pytest.raises(VaultError, match=r"^unknown key-encryption key$"):
        await put(db, Vault((NEW,)), b"more")


async def test_a_damaged_data_key(db: Database) -> None:
    """A wrapped key that was changed in the database is noticed."""
    vault = Vault((NEW,))
    ciphertext = await put(db, vault, b"x")
    for wrapped in (os.urandom(40), os.urandom(39), b""):
        async with db.connection() as connection:
            await connection.execute("UPDATE data_keys SET wrapped = $1", wrapped)
        with pytest.raises(VaultError, match=r"^data key does not unwrap$"):
            await get(db, vault, ciphertext)


async def test_erased_is_gone(db: Database) -> None:
    """Without its data key a ciphertext never opens again, also when the person comes back."""
    vault = Vault((NEW,))
    ciphertext = await put(db, vault, b"x")
    async with db.connection() as connection:
        await connection.execute("DELETE FROM data_keys WHERE subject = $1", HERE.subject)
    with pytest.raises(VaultError, match=r"^no such data key$"):
        await get(db, vault, ciphertext)
    await put(db, vault, b"new")
    with pytest.raises(VaultError, match=r"^no such data key$"):
        await get(db, vault, ciphertext)


async def test_two_first_writes_of_one_person_at_once(db: Database) -> None:
    """Two requests that both make a person's data key end up with one, and both texts open."""
    vault = Vault((NEW,))
    ciphertexts = await asyncio.gather(*(put(db, vault, bytes([n])) for n in range(6)))
    assert [await get(db, vault, ciphertext) for ciphertext in ciphertexts] == [bytes([n]) for n in range(6)]
    assert len({ciphertext[9:25] for ciphertext in ciphertexts}) == 1


async def test_a_rolled_back_key_is_not_used(db: Database) -> None:
    """A data key lives and dies with the transaction that made it."""
    vault = Vault((NEW,))

    class ChangedMindError(Exception):
        pass

    async def change_mind() -> None:
        async with db.transaction() as connection:
            await vault.encrypt(connection, b"x", place=HERE)
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        await change_mind()
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM data_keys") == 0
