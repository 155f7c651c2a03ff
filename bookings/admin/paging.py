"""Lists that are quick however long they are: nobody pages through a million rows, so nobody counts them."""

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

# Twenty pages of fifty; who looks for something older searches or filters.
MOST_ROWS = 1_000


class CappedPaginator(_Paginator):
    """Count no further than people page; `template_name` is what the theme shows below the list."""

    template_name = "admin/paging.html"

    @cached_property
    def found(self) -> int:
        """Return how many rows there are, or one more than `MOST_ROWS`."""
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST_ROWS + 1].count())

    @cached_property
    def count(self) -> int:
        """Return how many rows can be paged through."""
        return min(self.found, MOST_ROWS)

    @property
    def is_capped(self) -> bool:
        """Say whether there are more rows than can be paged through."""
        return self.found > MOST_ROWS


class CappedList(ChangeList):
    """Tell no number of results where it is not known."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page; the theme's heading names the number of results unless all are shown."""
        super().get_results(request)
        if self.paginator.is_capped:
            self.full_result_count = self.result_count
