"""The function that makes and drops the log's partitions.

It runs with the rights of its owner: the role that Tandem serves as may own no tables.
"""

#: ``tandem_event_days(moment, kept)`` makes the partitions of the moment's day (UTC) and of seven
#: more. It drops those whose last day ended longer ago than ``kept``, and notes in the head which
#: position is gone. A day's events that went into the default partition are moved out of it.
FUNCTION = r"""
CREATE FUNCTION tandem_event_days(moment timestamptz, kept interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    day date;
    part text;
    last bigint;
BEGIN
    -- No sequencer writes meanwhile.
    PERFORM FROM event_head FOR UPDATE;
    FOR day IN SELECT generate_series(moment::date, moment::date + 7, interval '1 day')::date LOOP
        part := 'events_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
        EXECUTE format(
            'WITH moved AS (DELETE FROM events_default '
            'WHERE logged_at >= %L AND logged_at < %L RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', day, day + 1, part
        );
        EXECUTE format(
            'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            part, day, day + 1
        );
    END LOOP;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'events'::regclass AND relname ~ '^events_[0-9]{8}$'
            AND to_date(right(relname, 8), 'YYYYMMDD') + 1 <= moment - kept
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT max(position) FROM %I', part) INTO last;
        UPDATE event_head SET gone = greatest(gone, last);
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
    WITH old AS (DELETE FROM events_default WHERE logged_at < moment - kept RETURNING position)
    SELECT max(position) INTO last FROM old;
    UPDATE event_head SET gone = greatest(gone, last);
END $$
"""
