"""What can be wrong with a wish to be told of changes: each class owns a stable code."""

from typing import ClassVar


class CallbackError(Exception):
    """Say that a wish about subscriptions cannot be met; nothing was changed."""

    code: ClassVar[str] = "CALLBACK_ERROR"


class SubscriptionNotFound(CallbackError):
    """Say that the partner has no such subscription in this mode."""

    code = "SUBSCRIPTION_NOT_FOUND"

    def __init__(self, subscription_id: str | None) -> None:
        super().__init__(f"There is no subscription {subscription_id!r}.")
        self.subscription_id = subscription_id


class SubscriptionExists(CallbackError):
    """Say that another subscription tells the same event at the same address already."""

    code = "SUBSCRIPTION_EXISTS"


class TooManySubscriptions(CallbackError):
    """Say that a partner has as many subscriptions as it may have in one mode."""

    code = "TOO_MANY_SUBSCRIPTIONS"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} subscriptions already.")
        self.most = most


class TwoSecretsActive(CallbackError):
    """Say that both places for a signing secret are taken; the older one must be retired first."""

    code = "TWO_SECRETS_ACTIVE"


class SecretAlreadyRetired(CallbackError):
    """Say that a signing secret signs nothing any more."""

    code = "SECRET_ALREADY_RETIRED"
