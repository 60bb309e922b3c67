"""Everything behind function_app.py: the pure decisions, the use cases and, in azure_clients, the effects."""
