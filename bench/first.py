"""The gateway of the demo's first account: partners' name of it, and who stands in for it."""

from config.demo.accounts import FIRST_ACCOUNT, SANDBOX_ACCOUNTS
from config.demo.story import partner_name
from config.local_secrets import standin_of
from config.settings.gateways import GATEWAYS

_PATH = GATEWAYS[SANDBOX_ACCOUNTS[FIRST_ACCOUNT]]
FIRST_GATEWAY = partner_name(_PATH)
FIRST_STANDIN = standin_of(_PATH)
