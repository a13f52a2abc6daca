"""The name under which Django knows the tables."""

from django.apps import AppConfig


class Schema(AppConfig):
    name = "assent.feedback.schema"
    label = "feedback"
    default_auto_field = "django.db.models.BigAutoField"
