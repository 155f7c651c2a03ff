from tests.gateways.scripted_server import server

__all__ = ["server"]
