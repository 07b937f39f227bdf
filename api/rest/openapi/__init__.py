"""The OpenAPI documents, made from the declarations."""
