"""The adapters: the only importers of azure.identity and azure.mgmt. Each turns the SDK's errors into ours."""
