"""Text that staff type: card numbers are masked before it is saved or logged, and whoever typed one is told why."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict

from card_numbers import count_card_numbers, mask_card_numbers

if TYPE_CHECKING:
    _Form = forms.BaseForm
else:
    _Form = object

# Exactly these: what derives from them (an e-mail, an address, a slug, a user name) would be another one when masked.
_FREE_TEXT = (forms.CharField, forms.JSONField, SimpleArrayField)


class MaskedForm(_Form):
    """Be mixed into a form that staff fill in: no card number in any of its texts gets further than this.

    In free text it is masked; a name or an address that holds one is refused. A password is never kept readable, so it
    stays as it is, and so does what is only shown, such as its hash.
    """

    masked_labels: list[str]

    def full_clean(self) -> None:
        """Check what was filled in, and mask card numbers in what would be shown again, complaints among it."""
        super().full_clean()
        if not self.is_bound:
            return
        self.data = _masked_as_typed(self)
        for complaints in self.errors.values():
            complaints.data = [_masked_complaint(each) for each in complaints.data]

    def clean(self) -> dict[str, Any]:
        """Return what was filled in, with card numbers masked."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.masked_labels = []
        for name, field in self.fields.items():
            if name not in cleaned or field.disabled or isinstance(field.widget, forms.PasswordInput):
                continue
            masked = without_card_numbers(cleaned[name])
            if masked == cleaned[name]:
                continue
            if type(field) in _FREE_TEXT:
                cleaned[name] = masked
                self.masked_labels.append(str(field.label or name))
            else:
                self.add_error(name, ValidationError("This holds a card number, which is never kept."))
        return cleaned


def _masked_as_typed(form: forms.BaseForm) -> MultiValueDict[str, Any]:
    """Return what was typed into a form without card numbers; in what is no free text, only such as issuers give."""
    typed: MultiValueDict[str, Any] = MultiValueDict()
    names = {form.add_prefix(name): field for name, field in form.fields.items()}
    values = form.data.lists() if isinstance(form.data, MultiValueDict) else ((k, [v]) for k, v in form.data.items())
    for key, found in values:
        field = names.get(key)
        is_free = field is not None and type(field) in _FREE_TEXT
        typed.setlist(key, [_as_shown(each, is_free) for each in found])
    return typed


def _as_shown(value: Any, is_free: bool) -> Any:
    is_told = is_free or (isinstance(value, str) and count_card_numbers(value) > 0)
    return without_card_numbers(value) if is_told else value


def _masked_complaint(complaint: Any) -> Any:
    """Return what is wrong with a value without the card numbers of the value."""
    if not isinstance(complaint, ValidationError):
        return mask_card_numbers(str(complaint))
    words = " ".join(complaint.messages)
    masked = mask_card_numbers(words)
    return complaint if masked == words else ValidationError(masked, code=complaint.code)


def without_card_numbers(value: Any) -> Any:
    """Return a form's value with card numbers masked in every text of it; what is no text stays."""
    if isinstance(value, str):
        return mask_card_numbers(value)
    if isinstance(value, list):
        return [without_card_numbers(item) for item in value]
    if isinstance(value, dict):
        return {without_card_numbers(key): without_card_numbers(item) for key, item in value.items()}
    return value


def tell_what_was_masked(request: HttpRequest, filled_in: Iterable[forms.BaseForm]) -> None:
    """Tell the person which texts of the forms held a card number."""
    labels = [label for form in filled_in for label in getattr(form, "masked_labels", ())]
    if labels:
        messages.warning(
            request,
            f"A card number was masked before anything was saved ({', '.join(labels)}). Card numbers are never kept: "
            "whoever reads them here could use them. The last four digits are enough to find a card.",
        )
