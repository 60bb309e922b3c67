"""What the functions are registered in: Durable Functions' own app and blueprint, without its HTTP calls."""

import azure.durable_functions as df


class DurableBlueprint(df.Blueprint):
    """A Blueprint that indexes no functions but the ones that are declared.

    The SDK registers an orchestrator and an activity of its own in every app (`call_http`), which send a token of the
    app's identity to whatever URL their input names. Nothing here calls HTTP that way, but whoever may write Durable's
    queues could have it done.
    """

    def _register_builtin_http_functions(self) -> None:
        """Register none of them; `tests/e2e/test_callers.py` sees if a later SDK does it in another way."""


class DurableApp(DurableBlueprint, df.DFApp):
    """A DFApp that indexes no functions but the ones that are declared."""
