"""Your feature views: what is known about an entity, and since when. This file is yours: `copier update` leaves it alone.

`{{ cookiecutter.project_slug }} features list` shows them; a column of settings.toml may name any of their features.
"""

from __future__ import annotations

from .feature_store.views import Feature, FeatureView

WATCHING = FeatureView(
    name="watching",
    entity="user_id",
    # A session may be logged days after it was watched. A row is known once the last of the sessions that it sums is known.
    sql="""
        SELECT
            user_id,
            watched_at AS event_time,
            max(logged_at) OVER week AS created_time,
            sum(minutes) OVER week AS minutes_7d,
            count(*) OVER week AS sessions_7d,
            genre AS last_genre
        FROM activity
        WINDOW week AS (
            PARTITION BY user_id
            ORDER BY watched_at
            RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW
        )
    """,
    features=(
        Feature("minutes_7d", "float", "Time watched in the seven days up to the last session", unit="min"),
        Feature("sessions_7d", "int", "Sessions in the seven days up to the last one"),
        Feature("last_genre", "str", "Genre of the last session"),
    ),
    description="How much and what a user watched lately",
    owner="{{ cookiecutter.author_email }}",
    # The demo's sessions end in the past. On data that go on, a sum over a week is worth nothing after it: timedelta(days=7).
    ttl=None,
)

VIEWS = (WATCHING,)
