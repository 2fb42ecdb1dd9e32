"""SaladCloud's values: typed models of the OpenAPI document, and the document itself as package data."""
