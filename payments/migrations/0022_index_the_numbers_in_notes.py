from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.contrib.postgres.search import SearchVector
from django.db import migrations, models
from django.db.models import F, Func, Value

# Built beside a working system: nothing waits for them, and they wait for no more than the transactions under way.
NO_LIMITS = "SET statement_timeout = 0; SET lock_timeout = 0"
LIMITS = "RESET statement_timeout; RESET lock_timeout"


def _parts(name):
    return Func(
        F(name), Value(r"[\W_]+"), Value(" "), Value("g"), function="regexp_replace", output_field=models.TextField()
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0021_keep_stages_of_disputes")]

    operations = [
        migrations.RunSQL(NO_LIMITS, LIMITS),
        AddIndexConcurrently(
            model_name="externalnote",
            index=GinIndex(
                SearchVector(_parts("text"), _parts("evidence"), config="simple"), name="external_note_by_word"
            ),
        ),
        RemoveIndexConcurrently(model_name="externalnote", name="external_note_by_words"),
        migrations.RunSQL(LIMITS, NO_LIMITS),
    ]
