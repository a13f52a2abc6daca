"""Every address of the app. Each module of views names its own."""

from django.urls import path

from assent.feedback.views import (
    admin_item_list,
    admin_items,
    admin_people,
    admin_projects,
    admin_settings,
    chat,
    errors,
    exports,
    guidelines,
    home,
    login,
    qualification,
    static,
    work,
)

urlpatterns = [
    *(
        path(route, view, name=name)
        for route, view, name in (
            *home.ROUTES,
            *login.ROUTES,
            *work.ROUTES,
            *chat.ROUTES,
            *guidelines.ROUTES,
            *qualification.ROUTES,
            *admin_projects.ROUTES,
            *admin_settings.ROUTES,
            *admin_items.ROUTES,
            *admin_item_list.ROUTES,
            *admin_people.ROUTES,
            *exports.ROUTES,
            *static.ROUTES,
        )
    ),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.broken
