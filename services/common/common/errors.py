"""The root of every named error, and where the others live.

```
WaystationError
├── SettingsError                settings.py        the environment is wrong; every mistake listed
│   ├── MigrationEditedError     migrate.py         an applied migration is not what it was
│   └── UnsafeDatabaseError      db.py              production's clock is moved, or its role too mighty
├── DatabaseUnavailableError     db.py              try again later; nothing is known to have happened
├── SchemaOutdatedError          db.py              migrations have not run
├── MalformedMessageError        messages.py        a body that no version of ours wrote
├── UnknownMessageError          messages.py        a type or version that this release does not know
├── BrokerRefusedError           bus.py             wrong user, password or virtual host
├── BrokerUnavailableError       broker.py          a command finds no broker
├── DeadLetterQueueError         dead_letters.py    a queue that cannot be looked at now
├── BodyTooLongError             bodies.py          an answer is longer than what was asked for
├── PoisonMessageError           consumer.py        raised by a handler: this message can never succeed
├── UnknownTenantError           consumer.py        raised by a handler: the next reload may know the tenant
├── SealError                    sealing.py         not sealed for us, or not for this place
├── VaultError                   vault.py           stored ciphertext that does not open where it stands
│   └── KeyFileMissingError      vault.py           no key file of ours wraps its data key
├── TenantsFileError             tenants.py         tenants.yaml is wrong; every mistake listed
├── SecretNotLoadedError         tenant_secrets.py  a secret of a part that this service does not read
├── RsaKeyError                  rsa_keys.py        no RSA key that we take
├── KeySetError                  jwks.py            what came from a tenant's jwks_url is no set of keys
├── SessionTokenError            tokens_refusal.py  the token that came with the browser is refused
│   └── SessionTokenExpiredError tokens_refusal.py  nothing is wrong with it but its age
├── ClaimError                   tokens_claims.py   a member of a JSON object is not what it must be
├── ProfileError                 profile.py         the encrypted profile inside a token is refused
├── UnsatisfiableError           profile_schema.py a schema of a profile that no value fits
├── MrzError                     mrz_problems.py    a typed machine-readable zone that does not hold together
├── AmbiguousIdError             cli.py             what somebody typed is the beginning of several ids
├── LogFileError                 trace_cli.py       a file of logs that cannot be read
├── UnknownLogEventError         log.py             strict mode: an event that the catalogue lacks
└── UnknownLogFieldError         log.py             strict mode: a field that the event lacks
```
"""


class WaystationError(Exception):
    """Base of all errors of ours; never raised directly."""
