from django.db import migrations, models

STANDING = """
UPDATE reconciliation_settlementbatch b
   SET line_count = sums.standing, settled_at = coalesce(sums.settled_at, b.settled_at)
  FROM (SELECT l.batch_id,
               count(*) FILTER (WHERE gone.line_id IS NULL) AS standing,
               max(l.settled_at) FILTER (WHERE gone.line_id IS NULL) AS settled_at
          FROM reconciliation_settlementline l
          LEFT JOIN (SELECT line_id FROM reconciliation_supersededline
                      UNION ALL
                     SELECT taken_back_by_id FROM reconciliation_supersededline) AS gone ON gone.line_id = l.id
         WHERE l.batch_id IN (SELECT first.batch_id
                                FROM reconciliation_supersededline s
                                JOIN reconciliation_settlementline first ON first.id = s.line_id)
         GROUP BY l.batch_id) AS sums
 WHERE b.id = sums.batch_id
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0024_say_plainly_what_newer_reports_reverse")]

    operations = [
        migrations.RunSQL(STANDING, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="settlementbatch",
            name="settled_at",
            field=models.DateTimeField(help_text="The latest time that a line of it that stands names."),
        ),
    ]
