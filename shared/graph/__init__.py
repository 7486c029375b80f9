"""Microsoft Graph's requests and replies, as values. Pure: `adapters/graph.py` sends them."""
