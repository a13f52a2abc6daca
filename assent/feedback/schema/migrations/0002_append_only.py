from django.db import migrations

from assent.feedback.schema import append_only


def install(apps, schema_editor):  # noqa: ARG001 - Django's own form
    append_only.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("feedback", "0001_tables")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
