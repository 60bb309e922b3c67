"""A small Azure Functions host: runs a Python function app on Microsoft's own worker, in one process.

Start it with `python -m emulator.host --app DIR --port N`. The worker is the package `azure_functions_runtime`;
what surrounds it here (HTTP, access keys, timers, admin API) follows the sources and documents of the real host.
"""
