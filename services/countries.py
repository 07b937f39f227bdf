"""Countries of addresses: the codes of ISO 3166-1, and where addresses have no postal code."""

from functools import cache

#: Codes that people write for another one.
_MEANT = {"UK": "GB", "EL": "GR", "EN": "GB", "JA": "JP", "KO": "KR", "SP": "ES", "TP": "TL"}
#: Countries without postal codes, as Google's address data and the Universal Postal Union list
#: them.
WITHOUT_POSTAL_CODES = frozenset(
    {
        *("AE", "AG", "AO", "AW", "BF", "BI", "BJ", "BO", "BQ", "BS", "BV"),
        *("BW", "BZ", "CD", "CF", "CG", "CI", "CK", "CM", "CW", "DJ", "DM"),
        *("ER", "FJ", "GA", "GD", "GH", "GM", "GQ", "GY", "HK", "JM", "KI"),
        *("KM", "KN", "LC", "LY", "ML", "MO", "MR", "MS", "MW", "NR", "NU"),
        *("PA", "QA", "RW", "SB", "SC", "SL", "SR", "SS", "ST", "SX", "SY"),
        *("TD", "TF", "TG", "TK", "TL", "TO", "TT", "TV", "UG", "VU", "WS"),
        *("YE", "ZW"),
    }
)


def country_fault(code: str) -> str | None:
    """The fault of a country's code, as a message; None for a code of ISO 3166-1."""
    if code in _codes():
        return None
    meant = _MEANT.get(code)
    return f"Give {meant} for {code}." if meant else "Give a country's code from ISO 3166-1."


@cache
def _codes() -> frozenset[str]:
    from iso3166 import countries_by_alpha2

    # ISO leaves codes that begin with X to users; the list has one of them.
    return frozenset(code for code in countries_by_alpha2 if not code.startswith("X"))
