"""The root of every named error.

```
WaystationError
├── SettingsError             settings.py   the environment is wrong; every mistake listed
├── DatabaseUnavailableError  db.py         try again later; nothing is known to have happened
├── SchemaOutdatedError       db.py         migrations have not run
├── ClockOffsetRefusedError   db.py         a production database whose clock was moved
├── MalformedMessageError     messages.py   a body that no version of ours wrote
├── UnknownMessageError       messages.py   a type or version that this release does not know
├── BrokerRefusedError        bus.py        wrong user, password or virtual host
├── PoisonMessageError        consumer.py   raised by a handler: this message can never succeed
├── UnknownTenantError        consumer.py   raised by a handler: perhaps the next reload knows the tenant
├── SealError                 sealing.py    not sealed for us, or not for this place
├── VaultError                vault.py      stored ciphertext that does not open where it stands
├── TenantsFileError          tenants.py    tenants.yaml is wrong; every mistake listed
├── SessionTokenError         tokens.py     the token that came with the browser is refused
├── ProfileError              profile.py    the encrypted profile inside it is refused
└── MrzError                  mrz.py        a typed machine-readable zone that does not hold together
```
"""


class WaystationError(Exception):
    """Base of all errors of ours; never raised directly."""
