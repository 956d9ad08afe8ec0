"""auth0-python, one write after the other."""

from auth0.management import Auth0
from auth0.management.core.api_error import ApiError

from tests.bench.peers.replay import API, TOKEN, as_they_arrive


def main() -> None:
    client = Auth0(base_url=API, token=TOKEN)
    for update in as_they_arrive():
        try:
            client.users.update(update.user_id, **update.changes)
        except ApiError as exc:
            print(f"given up: {exc.status_code}")


if __name__ == "__main__":
    main()
