"""Checks of posts and comments: what is counted, and what replies answer."""

from services.books.check import Check

CONTENT_CHECKS = (
    Check(
        "posts have rows that count their views and their score",
        """
        SELECT posts.id, post_views.post_id IS NULL OR post_scores.post_id IS NULL
        FROM posts LEFT JOIN post_views ON post_views.post_id = posts.id
        LEFT JOIN post_scores ON post_scores.post_id = posts.id
        """,
    ),
    # A job refreshes scores every half minute, so that what changed lately is left out. Removing a
    # like or an account leaves no row but that of the audit log.
    Check(
        "scores are what views, likes and comments give",
        """
        WITH liked AS (
            SELECT post_id, count(*) AS likes, max(created_at) AS at FROM post_likes
            GROUP BY post_id
        ), discussed AS (
            SELECT post_id, count(*) FILTER (WHERE status = 'VISIBLE') AS comments,
                max(updated_at) AS at
            FROM comments GROUP BY post_id
        ), lately AS (
            SELECT entity_id FROM audit_log
            WHERE created_at > now() - interval '5 minutes' AND entity IN ('post', 'comment')
        ), left_lately AS (
            SELECT FROM audit_log
            WHERE created_at > now() - interval '5 minutes' AND action = 'users.deleteMe'
        )
        SELECT post_id, score <> views + 2 * coalesce(likes, 0) + 3 * coalesce(comments, 0)
            AND greatest(post_views.updated_at, liked.at, discussed.at)
                < now() - interval '5 minutes'
            AND NOT EXISTS (SELECT FROM lately WHERE entity_id = post_id)
            AND NOT EXISTS (SELECT FROM left_lately)
        FROM post_scores JOIN post_views USING (post_id)
        LEFT JOIN liked USING (post_id) LEFT JOIN discussed USING (post_id)
        """,
    ),
    Check(
        "likes are recorded in the audit log",
        """
        SELECT DISTINCT ON (post_id) post_id, NOT EXISTS (
            SELECT FROM audit_log WHERE action = 'posts.like' AND outcome = 'OK'
                AND entity_id = post_id AND actor_id = user_id
        ) AS unknown
        FROM post_likes ORDER BY post_id, unknown DESC
        """,
    ),
    Check(
        "replies answer a comment of their post, which answers none",
        """
        SELECT comments.id, parent_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM comments AS parent WHERE parent.id = comments.parent_id
                AND parent.post_id = comments.post_id AND parent.parent_id IS NULL
        )
        FROM comments
        """,
    ),
)
