"""Typed calls through a client of openapi-python-client: URL TOKEN CATEGORY INVOICE OWNER."""

import json
import sys

from v2 import AuthenticatedClient
from v2.api.invoices import invoice_pdf
from v2.api.products import create_product, products
from v2.models import CreateProductInput, Metadata, Product, ProductPage


def main(url: str, token: str, category: str, invoice: str, owner: str) -> None:
    """Create a product, list some, and fetch the PDF of an invoice."""
    client = AuthenticatedClient(base_url=url, token=token)
    body = CreateProductInput(
        name="Lamp",
        price="19.99",
        category_id=category,
        metadata=Metadata.from_dict({"size": {"cm": 12}}),
    )
    made = create_product.sync(client=client, body=body)
    assert isinstance(made, Product), made
    some = products.sync(client=client, first=1)
    assert isinstance(some, ProductPage), some
    owned = AuthenticatedClient(base_url=url, token=owner)
    pdf = invoice_pdf.sync(client=owned, id=invoice)
    content = pdf.payload.read() if hasattr(pdf, "payload") else pdf
    print(
        json.dumps({"price": made.price, "name": some.items[0].name, "pdf": content[:5].decode()})
    )


main(*sys.argv[1:])
