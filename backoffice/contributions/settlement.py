from collections.abc import Iterator

from django.http import HttpRequest

from payments.admin.columns import link_to, money_text, when_text
from payments.admin.contributions import Section
from payments.models import Payment
from reconciliation.selectors import lines_of_payment

_MOST = 50


def settlement_lines(payment: Payment, request: HttpRequest) -> Iterator[Section]:
    """Show what the gateway settled of a payment, to who may see settlement files."""
    if not request.user.has_perm("reconciliation.view_settlementbatch"):
        return
    yield Section(
        anchor="settled",
        title="What the gateway settled of it",
        headers=("settled", "what", "gross", "fee", "net", "batch", "stands", "file"),
        rows=tuple(
            (
                when_text(line.settled_at),
                line.kind.replace("_", " ").lower(),
                money_text(line.gross_minor, line.gross_currency),
                money_text(line.fee_minor, line.net_currency),
                money_text(line.net_minor, line.net_currency),
                link_to(line.batch),
                line.batch.state.replace("_", " ").lower(),
                f"{line.report.file_name}, line {line.line_number}",
            )
            for line in lines_of_payment(payment)[:_MOST]
        ),
        empty="No settlement line names it yet.",
    )
