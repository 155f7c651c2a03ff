"""Keys of finance's systems are minted and revoked in the back office, and their text is shown once."""

import re
from html import unescape

from django.contrib.admin.models import LogEntry
from django.urls import reverse

from api.models import FinanceKey
from tests.api.finance.desk import Desk


def test_a_minted_key_is_shown_in_that_answer_alone_and_opens_its_scopes_until_it_is_revoked(admin_client, admin_user):
    wish = {"label": "ledger", "scopes": ["exports:read"], "is_live": "on"}

    answer = admin_client.post(reverse("admin:api_financekey_add"), wish)

    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    text = unescape(re.search(r'id="minted-key">(.+?)</code>', answer.content.decode())[1])
    key = FinanceKey.objects.get()
    assert (key.label, key.scopes, key.is_live, key.revoked_at) == ("ledger", ["exports:read"], True, None)
    assert (Desk(text).get("/exports").status_code, Desk(text).ask(report="payments").status_code) == (200, 403)
    assert text not in str(dict(admin_client.session))
    pages = [reverse("admin:api_financekey_changelist"), reverse("admin:api_financekey_change", args=[key.pk])]
    assert [text in admin_client.get(page).content.decode() for page in pages] == [False, False]

    asked = {"action": "revoke_keys", "_selected_action": [str(key.pk)]}
    assert b"for good" in admin_client.post(pages[0], asked).content
    assert Desk(text).get("/exports").status_code == 200
    told = [admin_client.post(pages[0], asked | {"confirmed": "yes"}, follow=True).content for _ in range(2)]

    assert Desk(text).get("/exports").status_code == 403
    assert (b"Keys revoked: 1" in told[0], b"was revoked before" in told[1]) == (True, True)
    assert LogEntry.objects.filter(user=admin_user, object_id=str(key.pk), change_message="Revoked.").count() == 1
