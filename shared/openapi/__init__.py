"""The description of the app's HTTP surface, OpenAPI 3.1, made from the code's own types and tables."""
