"""What somebody fills in to get in."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.entering.lockout import is_locked, note_failure, one_guess_at_a_time
from bookings.staff_text import MaskedForm

if TYPE_CHECKING:
    from django.contrib.auth.forms import AuthenticationForm as _AuthenticationForm
else:
    _AuthenticationForm = AuthenticationForm

TOO_MANY = "Too many failed attempts. Try again in a while, or ask an administrator."


class LoginForm(MaskedForm, _AuthenticationForm):
    """Take user name and password, as often as the lock-out allows."""

    def clean(self) -> dict[str, Any]:
        """Check the password.

        :raises ValidationError: it is wrong, or the name may not be tried from here now; both are said of any name.
        """
        username = self.cleaned_data.get("username")
        if username is None or self.request is None:
            return super().clean()
        with one_guess_at_a_time(username):
            if is_locked(username, self.request):
                refusal = ValidationError(TOO_MANY, code="locked")
            else:
                try:
                    return super().clean()
                except ValidationError as wrong:
                    note_failure(username, self.request)
                    refusal = wrong
        # Not inside, or what was counted would be rolled back.
        raise refusal


class CodeForm(MaskedForm, forms.Form):
    """Take a code of an authenticator app, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": ""}),
    )
