"""The root URLconf."""

from django.urls import include, path

urlpatterns = [path("", include("accounts.urls"))]

handler400 = "accounts.views.errors.bad_request"
handler403 = "accounts.views.errors.forbidden"
handler404 = "accounts.views.errors.page_not_found"
handler500 = "accounts.views.errors.server_error"
