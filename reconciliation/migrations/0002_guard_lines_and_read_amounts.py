from django.db import migrations

FORWARD = r"""
CREATE FUNCTION reconciliation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER settlement_lines_stay BEFORE UPDATE OR DELETE ON reconciliation_settlementline
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();
CREATE TRIGGER discrepancy_events_stay BEFORE UPDATE OR DELETE ON reconciliation_discrepancyevent
    FOR EACH ROW EXECUTE FUNCTION reconciliation_refuse_change();

-- An amount as people and banks write them: thousands in groups of three, a minus before or behind, or parentheses.
-- NULL where it is anything else, such as scientific notation, or a comma that could mean two things.
CREATE FUNCTION reconciliation_written_amount(written text, decimal_mark text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN unsigned ~ shape
                THEN sign * CASE decimal_mark
                            WHEN ',' THEN replace(translate(unsigned, '. ''’' || chr(160), ''), ',', '.')
                            ELSE translate(unsigned, ', ''’' || chr(160), '') END::numeric END
      FROM (SELECT CASE WHEN written ~ '^-|-$|^\(.*\)$' THEN -1 ELSE 1 END AS sign,
                   CASE WHEN written ~ '^\(.*\)$' THEN substr(written, 2, length(written) - 2)
                        WHEN written ~ '-$' THEN left(written, -1)
                        WHEN written ~ '^[-+]' THEN substr(written, 2)
                        ELSE written END AS unsigned,
                   CASE decimal_mark
                   WHEN ',' THEN '^([0-9]{1,15}|[0-9]{1,3}([. ''’' || chr(160) || '][0-9]{3}){1,4})(,[0-9]{1,15})?$'
                   ELSE '^([0-9]{1,15}|[0-9]{1,3}([, ''’' || chr(160) || '][0-9]{3}){1,4})([.][0-9]{1,15})?$'
                   END AS shape) AS parts
$$;

-- Nearly every amount is plain, and this much is inlined into the query.
CREATE FUNCTION reconciliation_amount(written text, decimal_mark text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN decimal_mark = '.' AND written ~ '^-?[0-9]{1,15}([.][0-9]{1,15})?$' THEN written::numeric
                ELSE reconciliation_written_amount(written, decimal_mark) END
$$;
"""
BACKWARD = """
DROP FUNCTION reconciliation_amount(text, text);
DROP FUNCTION reconciliation_written_amount(text, text);
DROP TRIGGER discrepancy_events_stay ON reconciliation_discrepancyevent;
DROP TRIGGER settlement_lines_stay ON reconciliation_settlementline;
DROP FUNCTION reconciliation_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_create_models")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
