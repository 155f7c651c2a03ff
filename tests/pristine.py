"""Bring the test database back to what the migrations left.

Django's own flush truncates every table and makes content types and permissions anew: a quarter of a second after each
test with real transactions, and what migrations wrote is gone. Deleting what is there takes milliseconds.
"""

from functools import cache

from django.db import connection

# A table that has grown beyond this is truncated with all others, or its dead rows would slow the tests that follow.
_LARGEST_BYTES = 1024 * 1024

_REMEMBER = """
CREATE SCHEMA pristine;

CREATE TABLE pristine.tables AS
SELECT c.oid::regclass AS name, false AS has_rows
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'django_migrations';

DO $$
DECLARE
    this record;
    is_filled boolean;
BEGIN
    FOR this IN SELECT name FROM pristine.tables LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', this.name) INTO is_filled;
        IF is_filled THEN
            EXECUTE format('CREATE TABLE pristine.%I AS TABLE %s', 'of_' || this.name, this.name);
            UPDATE pristine.tables SET has_rows = true WHERE name = this.name;
        END IF;
    END LOOP;
END $$;

-- Every lock first: a worker that is in the middle of something ends it before anything is deleted.
CREATE FUNCTION pristine.restore(largest bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    every_table text := (SELECT string_agg(name::text, ', ' ORDER BY name::text) FROM pristine.tables);
    this record;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    IF EXISTS (SELECT FROM pristine.tables WHERE pg_relation_size(name) > largest) THEN
        EXECUTE 'TRUNCATE ' || every_table;
    ELSE
        EXECUTE 'LOCK TABLE ' || every_table || ' IN ACCESS EXCLUSIVE MODE';
    END IF;
    FOR this IN SELECT name, has_rows FROM pristine.tables LOOP
        EXECUTE format('DELETE FROM %s', this.name);
        IF this.has_rows THEN
            EXECUTE format('INSERT INTO %s TABLE pristine.%I', this.name, 'of_' || this.name);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION pristine.changed() RETURNS SETOF pristine.tables LANGUAGE plpgsql AS $$
DECLARE
    this pristine.tables;
    is_changed boolean;
BEGIN
    FOR this IN TABLE pristine.tables LOOP
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


def changed_tables() -> dict[str, bool]:
    """Return the tables that hold more, or less, than the migrations left, and whether these had left rows there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name::text, has_rows FROM pristine.changed()")
        return dict(cursor.fetchall())
