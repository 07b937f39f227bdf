"""The reference: operations and errors on both faces, and Swagger UI."""
