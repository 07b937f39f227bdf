"""The right name for one that an input does not know, as older clients and other APIs spell it."""

from collections.abc import Collection
from difflib import get_close_matches

#: The names of a field in other APIs, by our name; written without case, `_`, `-` and `[]`.
_ELSEWHERE = {
    "page": ("offset", "skip", "pagenumber", "pageno", "pagenum", "pageindex", "start", "p"),
    "perPage": ("limit", "pagesize", "size", "count", "take", "itemsperpage", "maxresults"),
    "search": ("q", "query", "term", "keyword", "keywords", "find", "text", "searchterm"),
    "sort": ("sortby", "orderby", "sorting", "ordering", "order", "sortorder", "direction"),
    "after": ("cursor", "nextcursor", "endcursor", "pagetoken", "startingafter", "next"),
    "before": ("prevcursor", "previouscursor", "startcursor", "endingbefore", "prev"),
    "from": ("since", "startdate", "fromdate", "start", "createdafter", "datefrom"),
    "to": ("until", "enddate", "todate", "end", "createdbefore", "dateto"),
    "minPrice": ("pricemin", "pricefrom", "pricegte"),
    "maxPrice": ("pricemax", "priceto", "pricelte"),
    "categoryId": ("category",),
    "category": ("categoryid", "categoryslug"),
    "tag": ("tags",),
    "tags": ("tag", "labels"),
    "inStock": ("available", "instockonly"),
    "status": ("state", "orderstatus"),
    "number": ("ordernumber",),
    "customerId": ("customer", "userid", "buyer", "buyerid"),
    "lines": ("items", "products", "orderitems", "orderlines", "lineitems", "cart"),
    "productId": ("product", "itemid", "sku"),
    "quantity": ("qty", "amount", "count", "pieces"),
    "couponCode": ("coupon", "promo", "promocode", "discountcode", "voucher", "code"),
    "shippingAddress": ("address", "shipping", "shipto", "deliveryaddress"),
    "line1": ("street", "address1", "addressline1", "streetaddress"),
    "line2": ("street2", "address2", "addressline2"),
    "postalCode": ("zip", "zipcode", "postcode", "postal"),
    "country": ("countrycode",),
    "city": ("town", "locality"),
    "fullName": ("name", "displayname", "realname"),
    "name": ("title", "fullname"),
    "firstName": ("givenname", "forename"),
    "lastName": ("familyname", "surname"),
    "avatar": ("avatarurl", "picture", "photo", "image"),
    "bio": ("about", "biography", "description"),
    "email": ("mail", "emailaddress", "login"),
    "username": ("user", "login", "nickname", "handle"),
    "password": ("pass", "pwd", "passphrase"),
    "currentPassword": ("oldpassword", "password"),
    "newPassword": ("password",),
    "refreshToken": ("token", "refresh"),
    "amount": ("value", "sum", "total"),
    "stock": ("quantity", "inventory", "onhand"),
    "isActive": ("active", "enabled"),
}
#: As alike as a misspelling is to the word that was meant.
_ALIKE = 0.8


def suggestion(name: str, known: Collection[str]) -> str | None:
    """The name among the known ones that is most likely meant; None when there is none."""
    written = _plain(name)
    by_plain = {_plain(right): right for right in known}
    if written in by_plain:
        return by_plain[written]
    for right, others in _ELSEWHERE.items():
        if right in known and written in others:
            return right
    close = get_close_matches(written[:50], by_plain, 1, _ALIKE)
    return by_plain[close[0]] if close else None


def _plain(name: str) -> str:
    """A name without case and without what only separates words."""
    return "".join(letter for letter in name if letter.isalnum()).lower()
