"""An emulated Azure and a small Functions host, so that the app runs and is tested offline; never deployed."""
