"""Who works here: users in groups. Only administrators manage them, and nobody lifts themself."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_static.admin import StaticDevice
from django_otp.plugins.otp_totp.admin import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backoffice.audit import record
from backoffice.entering import second_factor

# Their pages show secrets.
admin.site.unregister([User, Group, TOTPDevice, StaticDevice])

# Who asks without being a person: what they asked for is judged by these names.
_NOBODYS_NAMES = frozenset({"gateway", "guest", "migration", "partner", "system"})
_RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


class NewUserForm(UserCreationForm):
    """Ask for a name that is a person's."""

    def clean_username(self) -> str:
        """Refuse the names under which the house itself, partners, guests and gateways act."""
        username: str = super().clean_username()
        if username.lower() in _NOBODYS_NAMES:
            raise forms.ValidationError("That name stands for whoever is no person here; take another.")
        return username


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Add people, put them into groups, and end what they may do; the log of what they did keeps them."""

    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "email", "roles", "has_second_factor", "is_active"]
    list_filter = ["is_active", "is_superuser", "groups"]
    actions = ["reset_second_factor"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read along what the list shows."""
        users: QuerySet[User] = super().get_queryset(request)
        apps = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        return users.prefetch_related("groups").annotate(has_app=Exists(apps))

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        """Show the groups."""
        named = ", ".join(sorted(group.name for group in user.groups.all()))
        return "superuser" if user.is_superuser else named or "–"

    @admin.display(description="second factor", boolean=True)
    def has_second_factor(self, user: User) -> bool:
        """Say whether an authenticator app is set up."""
        return bool(getattr(user, "has_app", False))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Let nobody give rights to themself, and let only a superuser make another or give single permissions.

        Nobody is renamed: by the name the log knows people, limits count what they gave back, and a second person is
        told from the first.
        """
        frozen = {*super().get_readonly_fields(request, obj), "last_login", "date_joined"}
        if obj is not None:
            frozen.add("username")
        if obj is not None and obj.pk == request.user.pk:
            frozen.update(_RIGHTS)
        if not request.user.is_superuser:
            frozen.update({"is_superuser", "user_permissions"})
        return sorted(frozen)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups, and keep which ones came and went and what else of the rights changed."""
        user: User = form.instance
        before = set(user.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(user.groups.values_list("name", flat=True))
        flags = [name for name in ("is_active", "is_staff", "is_superuser") if name in form.changed_data]
        changes = [
            *(f"into {name}" for name in sorted(after - before)),
            *(f"out of {name}" for name in sorted(before - after)),
            *(f"{name}: {'yes' if getattr(user, name) else 'no'}" for name in flags),
            *(["single permissions"] if "user_permissions" in form.changed_data else []),
        ]
        if changes:
            record(
                actor=request.user.get_username(),
                action="changed rights",
                subject=user,
                detail=", ".join(changes),
                request=request,
            )

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let only a superuser change one: whoever sets a password can log in by it."""
        may = bool(super().has_change_permission(request, obj))
        return may and (obj is None or request.user.is_superuser or not obj.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse: somebody who left is made inactive."""
        return False

    @admin.action(description="Reset the second factor of the selected people", permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Take app and recovery codes away: the people set up new ones when they log in next."""
        for user in queryset:
            if user.pk == request.user.pk or not self.has_change_permission(request, user):
                messages.error(request, f"{user} was left alone: that is for another administrator or a superuser.")
            elif second_factor.remove(user):
                record(actor=request.user.get_username(), action="reset second factor", subject=user, request=request)
                messages.success(request, f"{user} sets up a new second factor at the next login.")
            else:
                messages.info(request, f"{user} has none.")


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Show what each role may do; a superuser may change it, for whoever is in a group would lift themself."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let a superuser add roles."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Let a superuser change what roles may do."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Refuse: people are in them."""
        return False
