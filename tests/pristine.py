"""Bring the test database back to what the migrations left.

Django's own flush truncates every table and makes content types and permissions anew: a quarter of a second after each
test with real transactions, and what migrations wrote is gone. Deleting what is there takes milliseconds.
"""

from functools import cache
from typing import Any

from django.db import connection

# A table that has grown beyond this is truncated with all others, or its dead rows would slow the tests that follow.
_LARGEST_BYTES = 1024 * 1024

_REMEMBER = """
CREATE SCHEMA pristine;

CREATE TABLE pristine.tables AS
SELECT c.oid::regclass AS name, false AS has_rows, 0::bigint AS row_count, NULL::xid AS written_by
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'django_migrations';

DO $$
DECLARE
    this record;
    is_filled boolean;
    count_of bigint;
BEGIN
    FOR this IN SELECT name FROM pristine.tables LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', this.name) INTO is_filled;
        IF is_filled THEN
            EXECUTE format('CREATE TABLE pristine.%I AS TABLE %s', 'of_' || this.name, this.name);
            EXECUTE format('SELECT count(*) FROM %s', this.name) INTO count_of;
            UPDATE pristine.tables SET has_rows = true, row_count = count_of WHERE name = this.name;
        END IF;
    END LOOP;
END $$;

-- Every lock first: a worker that is in the middle of something ends it before anything is deleted.
CREATE FUNCTION pristine.restore(largest bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    every_table text := (SELECT string_agg(name::text, ', ' ORDER BY name::text) FROM pristine.tables);
    this pristine.tables;
    added regclass;
    is_as_written boolean;
BEGIN
    -- Large files have tables of their own.
    FOR added IN SELECT inhrelid FROM pg_inherits WHERE inhrelid NOT IN (SELECT name FROM pristine.tables)
        AND inhparent IN (SELECT inhparent FROM pg_inherits JOIN pristine.tables ON name = inhrelid) LOOP
        EXECUTE format('DROP TABLE %s', added);
    END LOOP;
    PERFORM set_config('session_replication_role', 'replica', true);
    IF EXISTS (SELECT FROM pristine.tables WHERE pg_relation_size(name) > largest) THEN
        EXECUTE 'TRUNCATE ' || every_table;
    ELSE
        EXECUTE 'LOCK TABLE ' || every_table || ' IN ACCESS EXCLUSIVE MODE';
    END IF;
    -- What has no page has no row. What is there as it was written here, and by nobody since, may stay.
    FOR this IN SELECT * FROM pristine.tables WHERE has_rows OR pg_relation_size(name) > 0 LOOP
        IF this.has_rows THEN
            EXECUTE format('SELECT count(*) = $1 AND bool_and(xmin = $2) FROM %s', this.name)
                INTO is_as_written USING this.row_count, this.written_by;
            CONTINUE WHEN is_as_written;
        END IF;
        EXECUTE format('DELETE FROM %s', this.name);
        IF this.has_rows THEN
            EXECUTE format('INSERT INTO %s TABLE pristine.%I', this.name, 'of_' || this.name);
            UPDATE pristine.tables SET written_by = pg_current_xact_id()::xid WHERE name = this.name;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION pristine.changed() RETURNS SETOF pristine.tables LANGUAGE plpgsql AS $$
DECLARE
    this pristine.tables;
    is_changed boolean;
BEGIN
    FOR this IN SELECT * FROM pristine.tables WHERE has_rows OR pg_relation_size(name) > 0 LOOP
        IF this.has_rows THEN
            EXECUTE format(
                'SELECT (SELECT count(*) FROM %s) <> (SELECT count(*) FROM pristine.%I)', this.name, 'of_' || this.name
            ) INTO is_changed;
        ELSE
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', this.name) INTO is_changed;
        END IF;
        IF is_changed THEN
            RETURN NEXT this;
        END IF;
    END LOOP;
END $$;
"""

# What the snapshot after the last restoring was called, by database.
_restored_at: dict[str, str] = {}


@cache
def is_superuser() -> bool:
    """Say whether we may set triggers and foreign keys aside, as `restore` does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def remember() -> None:
    """Keep what the migrations wrote, once, in a schema of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER)


def restore() -> None:
    """Empty every table, in spite of its triggers, and put back what the migrations wrote; sequences go on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pristine.restore(%s)", [_LARGEST_BYTES])
        cursor.execute("SELECT pg_current_snapshot()::text")
        _restored_at[connection.settings_dict["NAME"]] = cursor.fetchone()[0]


def changed_tables() -> dict[str, bool]:
    """Return the tables that hold more, or less, than the migrations left, and whether these had left rows there."""
    with connection.cursor() as cursor:
        if _is_untouched(cursor):
            return {}
        cursor.execute("SELECT name::text, has_rows FROM pristine.changed()")
        return dict(cursor.fetchall())


def _is_untouched(cursor: Any) -> bool:
    """Say whether nothing was written since a test began, or since the tables were restored.

    Who writes is given a number, and the last number that was given is part of what a snapshot is called. A test that
    is taken back began with what the one before it left, which is nothing.
    """
    cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL, pg_current_snapshot()::text")
    has_written_nothing, snapshot = cursor.fetchone()
    is_taken_back = any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
    return has_written_nothing and (is_taken_back or snapshot == _restored_at.get(connection.settings_dict["NAME"]))
