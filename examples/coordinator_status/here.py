"""Shows what each user of two small organisations sees, by the database's judgement and by the fallback's, on a
PostgreSQL that is thrown away. It needs a checkout of the project, and PostgreSQL's server."""

from __future__ import annotations

import sys

from examples.coordinator_status.repository import ApplicationRepository, DatabaseRepository
from examples.coordinator_status.status import MentorStatus
from tests.integration.supabase.coordinator_status.conftest import seed_assigned
from tests.supabase.postgres import running_cluster


def here() -> int:
    """Prints a line for each user, and returns 0 where both repositories agree on all of them."""
    agreed = True
    with running_cluster() as cluster:
        database = cluster.database()
        with database.connect() as connection:
            users = dict(zip(("the coordinator", "the mentor", "a stranger"), seed_assigned(connection), strict=True))
        with database.connect("authenticator") as connection:
            for who, user in users.items():
                judged = DatabaseRepository(connection).visible_to(user)
                with connection.transaction():
                    connection.execute("set local role service_role")
                    filtered = ApplicationRepository(connection).visible_to(user)
                sys.stdout.write(f"{who} sees {', '.join(map(_shown, judged)) or 'nobody'}\n")
                agreed = agreed and judged == filtered
    sys.stdout.write("The fallback agrees.\n" if agreed else "THE FALLBACK DISAGREES.\n")
    return 0 if agreed else 1


def _shown(status: MentorStatus) -> str:
    return f"mentor {status.mentor_id} ({status.state}) within {len(status.chapter_ids)} chapter(s)"


if __name__ == "__main__":
    raise SystemExit(here())
