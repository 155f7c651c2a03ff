"""Finance's systems ask for exports, see how far they are, and get the sealed files; and nothing else."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from api.finance.keys import mint_finance_key, revoke_finance_key
from api.idempotency import fingerprint_of_key
from api.models import FinanceKey, RepeatableExport
from api.tasks import prune_idempotency_keys
from bookings.models import Partner
from payments.services.periods import close_month
from reconciliation.exporting.registry import REPORTS
from reconciliation.models import ExportRun
from reconciliation.services.export_files import prune_exports
from reconciliation.tasks import write_exports
from tests.api.finance.desk import Desk
from tests.reconciliation.month import CLOSED, MARCH

ASKED = {"report": "payments", **MARCH, "as_of": CLOSED.isoformat()}


def key_with(*scopes: str, is_live: bool = True) -> Desk:
    return Desk(mint_finance_key(label="other", scopes=scopes, is_live=is_live, now=timezone.now())[1])


def test_an_export_is_asked_for_written_and_streamed_with_its_seal(month, desk):
    asked = desk.ask(**ASKED, format="jsonl")
    early = desk.get(f"/exports/{asked.json()['id']}/file")
    assert write_exports() == 1

    shown = desk.get(f"/exports/{asked.json()['id']}/").json()
    file = desk.get(f"/exports/{shown['id']}/file")

    assert (asked.status_code, asked["Location"]) == (202, f"/finance/exports/{shown['id']}")
    assert (asked.json()["state"], asked.json()["seal"], asked.json()["file"]) == ("ASKED", None, None)
    assert (early.status_code, early["Retry-After"], early.json()["code"]) == (409, "5", "NOT_WRITTEN_YET")
    content = b"".join(file)
    run = ExportRun.objects.get()
    assert shown == {
        "id": str(run.pk),
        "report": "payments",
        "filters": MARCH,
        "mode": "live",
        "format": "jsonl",
        "time_zone": "Europe/Berlin",
        "as_of": "2026-04-02T06:00:00Z",
        "state": "DONE",
        "problem": None,
        "rows": content.count(b"\n"),
        "asked_by": f"key {desk.key[:12]}",
        "asked_at": shown["asked_at"],
        "finished_at": shown["finished_at"],
        "seal": {"totals": run.totals, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        "file": {
            "name": "payments_2026-03-01_2026-04-01_Europe-Berlin_live.jsonl",
            "href": f"/finance/exports/{run.pk}/file",
        },
    }
    assert content.count(b"\n") > 0
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert (file["Content-Type"], file["Repr-Digest"]) == ("application/x-ndjson", f"sha-256=:{digest}:")
    assert file["Content-Disposition"] == f'attachment; filename="{shown["file"]["name"]}"'
    assert (file["Cache-Control"], "RateLimit-Remaining" in file) == ("no-store", True)


def test_a_download_that_broke_off_goes_on_and_what_is_there_already_is_not_sent_again(month, desk):
    file = f"/exports/{desk.ask(**ASKED).json()['id']}/file"
    write_exports()
    whole = desk.get(file)
    content, etag = b"".join(whole), whole["ETag"]
    size = len(content)

    rest = desk.get(file, **{"Range": "bytes=100-", "If-Range": etag})
    wholes = [
        desk.get(file, **headers)
        for headers in (
            *({"Range": "bytes=100-", "If-Range": '"another"'}, {"Range": "bytes=0-9"}, {"Range": "bytes=-9"}),
            *({"Range": "bytes=0-1,5-"}, {"Range": "lines=1-"}, {"If-None-Match": '"another"'}),
        )
    ]
    known = [desk.get(file, **{"If-None-Match": told}) for told in (etag, f'"another", W/{etag}', "*")]
    beyond = desk.get(file, Range=f"bytes={size}-")

    assert (rest.status_code, rest["Content-Range"], rest["Content-Length"], b"".join(rest)) == (
        *(206, f"bytes 100-{size - 1}/{size}", str(size - 100), content[100:]),
    )
    assert (rest["Repr-Digest"], rest["Content-Type"]) == (whole["Repr-Digest"], whole["Content-Type"])
    assert [(answer.status_code, "Content-Range" in answer, b"".join(answer)) for answer in wholes] == [
        (200, False, content)
    ] * 6
    assert [(answer.status_code, answer["ETag"], answer.content) for answer in known] == [(304, etag, b"")] * 3
    assert (beyond.status_code, beyond["Content-Range"], beyond.json()["code"]) == (
        *(416, f"bytes */{size}", "RANGE_NOT_SATISFIABLE"),
    )
    assert (whole["Accept-Ranges"], whole["Content-Length"]) == ("bytes", str(size))


def test_reports_and_exports_are_listed_by_page_and_by_mode(month, desk, monkeypatch):
    monkeypatch.setattr("api.finance.views.exports.ROWS_A_PAGE", 2)
    ids = [desk.ask(**ASKED).json()["id"] for _ in range(3)]
    others = key_with("exports:ask", "exports:read", is_live=False)
    of_tests = others.ask(**ASKED).json()

    first = desk.get("/exports").json()
    second = desk.get(f"/exports?after={first['next']}").json()

    assert [each["report"] for each in first["reports"]] == list(REPORTS)
    assert first["reports"][0]["filters"] == ["from", "to", "account", "currency", "partner"]
    assert [[each["id"] for each in page["exports"]] for page in (first, second)] == [ids[:0:-1], ids[:1]]
    assert second["next"] is None
    assert [each["id"] for each in others.get("/exports").json()["exports"]] == [of_tests["id"]]
    assert (others.get(f"/exports/{ids[0]}").status_code, of_tests["mode"]) == (404, "test")


def test_what_is_asked_for_again_under_a_key_is_the_export_that_it_made(month, desk):
    first, again = (desk.ask(under="month-end", **ASKED) for _ in range(2))
    write_exports()
    later = desk.ask(under="month-end", **dict(reversed(ASKED.items())))
    others = [
        desk.ask(under="another", **ASKED),
        key_with("exports:ask").ask(under="month-end", **ASKED),
        desk.ask(**ASKED),
    ]

    assert [answer.status_code for answer in (first, again, later)] == [202, 202, 202]
    assert again.json() == first.json()
    assert (later.json()["id"], later.json()["state"], later["Location"]) == (
        *(first.json()["id"], "DONE", first["Location"]),
    )
    assert [answer.get("Idempotent-Replayed") for answer in (first, again, later)] == [None, "true", "true"]
    assert len({first.json()["id"], *(answer.json()["id"] for answer in others)}) == 4
    assert ExportRun.objects.count() == 4


def test_a_key_is_for_one_wish_and_free_where_nothing_was_asked_for(month, desk):
    refused = desk.ask(under="month-end", **{**ASKED, "account": "nobody"})
    taken = desk.ask(under="month-end", **ASKED)
    reused = desk.ask(under="month-end", **{**ASKED, "format": "xlsx"})
    malformed = [desk.ask(under=key, **ASKED) for key in ("", "k" * 256, "Schlüssel")]

    assert (refused.status_code, taken.status_code) == (422, 202)
    assert (reused.status_code, reused["Content-Type"], reused.json()["code"]) == (
        *(422, "application/problem+json", "IDEMPOTENCY_KEY_REUSED"),
    )
    assert [(answer.status_code, answer.json()["code"]) for answer in malformed] == [
        (400, "INVALID_IDEMPOTENCY_KEY")
    ] * 3
    assert ExportRun.objects.count() == 1


def test_twins_under_one_key_make_one_export(month, desk):
    def asked(_turn: int) -> tuple[int, str]:
        try:
            answer = Desk(desk.key).ask(under="month-end", **ASKED)
            return answer.status_code, answer.json()["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(asked, range(8)))

    assert answers == {(202, str(ExportRun.objects.get().pk))}


def test_a_twin_that_waits_too_long_for_the_other_is_told_to_come_again(month, desk):
    desk.ask(under="another", **ASKED)
    twin = connection.copy()
    try:
        with twin.cursor() as cursor, connection.cursor() as ours:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE api_repeatableexport SET key_fingerprint = %s", [fingerprint_of_key("month-end")])
            ours.execute("SET lock_timeout = '50ms'")
            busy = desk.ask(under="month-end", **ASKED)
            ours.execute("RESET lock_timeout")
            noted = ExportRun.objects.count()
            cursor.execute("ROLLBACK")
    finally:
        twin.close()
    again = desk.ask(under="month-end", **ASKED)

    assert (busy.status_code, busy["Content-Type"], busy["Retry-After"], busy.json()["code"]) == (
        *(503, "application/problem+json", "1", "BUSY"),
    )
    assert (noted, again.status_code, "Idempotent-Replayed" in again) == (1, 202, False)


def test_a_key_that_nobody_repeats_any_more_is_forgotten_and_its_export_stays(month, desk, settings):
    kept = desk.ask(under="month-end", **ASKED).json()["id"]
    days = settings.API["KEEP_IDEMPOTENCY_KEYS_DAYS"]
    RepeatableExport.objects.update(created_at=timezone.now() - timedelta(days=days, seconds=1))

    assert prune_idempotency_keys() == 1

    anew = desk.ask(under="month-end", **ASKED)
    assert (anew.status_code, "Idempotent-Replayed" in anew, anew.json()["id"] == kept) == (202, False, False)
    assert desk.get(f"/exports/{kept}").status_code == 200


def test_a_partner_is_told_by_the_slug_that_it_was_asked_by(month, desk):
    partner = Partner.objects.order_by("pk").first()
    asked = desk.ask(**ASKED, partner=partner.slug).json()

    shown, listed = desk.get(f"/exports/{asked['id']}").json(), desk.get("/exports").json()["exports"]

    assert [each["filters"] for each in (asked, shown, *listed)] == [{**MARCH, "partner": partner.slug}] * 3
    assert ExportRun.objects.get().filters["partner"] == str(partner.pk)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"report": "nothing"}, "UNKNOWN_REPORT", "report"),
        ({"report": None}, "INVALID_VALUE", "report"),
        ({"format": "pdf"}, "INVALID_VALUE", "format"),
        ({"gateway": "adyen"}, "INVALID_VALUE", "gateway"),
        ({"as_of": "2026-04-02"}, "INVALID_VALUE", "as_of"),
        ({"as_of": "2126-04-02T00:00:00Z"}, "UNUSABLE_FILTER", None),
        # Kept as a time before the first year, it could not be read back: the list and every worker would fail over it.
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "UNUSABLE_FILTER", None),
        ({"from": "March"}, "UNUSABLE_FILTER", None),
        ({"account": "nobody"}, "UNUSABLE_FILTER", None),
    ],
)
def test_what_cannot_be_used_is_a_problem_that_says_why_and_nothing_is_noted(db, desk, change, code, field):
    answer = desk.ask(**{**ASKED, **change})

    told = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert (told["status"], told["title"], told["code"], told.get("field")) == (
        *(422, "Unprocessable Entity", code, field),
    )
    assert not ExportRun.objects.exists()


def test_a_month_that_was_closed_a_moment_ago_is_to_be_asked_for_again(month, desk):
    for first_day in (date(2026, 2, 1), date(2026, 3, 1)):
        close_month(month=first_day, by="ada", now=timezone.now())

    early = desk.ask(under="month-end", report="payments", **MARCH)

    assert (early.status_code, early["Retry-After"], early.json()["code"]) == (409, "60", "NOT_COMPLETE_YET")
    assert not ExportRun.objects.exists()


def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(month, desk):
    reader, asker = key_with("exports:read"), key_with("exports:ask")
    run = asker.ask(**ASKED).json()

    answers = {
        "reader asks": reader.ask(**ASKED),
        "asker lists": asker.get("/exports"),
        "asker downloads": asker.get(f"/exports/{run['id']}/file"),
        "nobody": Client().get("/finance/exports"),
        "a stranger": Desk("fk_live_unknown").get("/exports"),
        "no such": reader.get("/exports/none"),
        "no route": reader.get("/nothing"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "reader asks": 403,
        "asker lists": 403,
        "asker downloads": 403,
        "nobody": 401,
        "a stranger": 403,
        "no such": 404,
        "no route": 404,
    }
    assert all(answer["Content-Type"] == "application/problem+json" for answer in answers.values())
    assert answers["nobody"]["WWW-Authenticate"] == "Bearer"
    assert [answers[name].json()["detail"] for name in ("no such", "no route")] == [
        "There is no such export.",
        "There is no such route.",
    ]
    assert (reader.get("/exports").status_code, ExportRun.objects.count()) == (200, 1)
    for key in FinanceKey.objects.filter(label="other"):
        assert key.key_hash != reader.key
        revoke_finance_key(key=key, now=timezone.now())
    assert (reader.get("/exports").status_code, asker.ask(**ASKED).status_code) == (403, 403)


def test_a_key_that_asks_too_often_is_told_when_to_come_again(db, desk, settings):
    settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 1}

    first, second = desk.get("/exports"), desk.get("/exports")

    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 429, "TOO_MANY_REQUESTS")
    assert int(second["Retry-After"]) > 0


def test_a_file_that_lost_its_end_is_not_given_out(month, desk):
    run = desk.ask(**ASKED).json()
    write_exports()
    stored = Path(ExportRun.objects.get().stored_path)
    stored.write_bytes(stored.read_bytes()[:-1])

    answer = desk.get(f"/exports/{run['id']}/file")

    assert (answer.status_code, answer.json()["code"]) == (410, "FILE_IS_GONE")
    assert answer.json()["detail"].endswith("is not whole; ask for it again as of 2026-04-02T06:00:00+00:00.")


def test_a_file_that_went_after_its_time_is_gone_and_one_that_failed_says_why(month, desk):
    run = desk.ask(**ASKED).json()
    write_exports()
    prune_exports(now=timezone.now() + timedelta(days=91))
    failed = desk.ask(**ASKED).json()
    ExportRun.objects.filter(pk=failed["id"]).update(state="RUNNING", tries=3)
    write_exports()

    gone, never = desk.get(f"/exports/{run['id']}/file"), desk.get(f"/exports/{failed['id']}/file")

    assert (gone.status_code, gone.json()["code"]) == (410, "FILE_IS_GONE")
    assert gone.json()["detail"].endswith("ask for it again as of 2026-04-02T06:00:00+00:00.")
    assert (never.status_code, never.json()["detail"]) == (
        *(410, "The file could not be written: 3 workers died over it."),
    )
    assert desk.get(f"/exports/{run['id']}").json()["file"] is None
    assert desk.get(f"/exports/{failed['id']}").json()["problem"] == "3 workers died over it"
