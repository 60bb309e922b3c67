"""The emulated Azure: ARM, the Communication Services data plane and App Service's managed identity endpoint."""
