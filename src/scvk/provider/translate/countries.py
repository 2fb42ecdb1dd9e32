"""Where a group may run: which countries, from an annotation."""

from __future__ import annotations

from functools import cache

from scvk.provider.annotations import COUNTRY_CODES
from scvk.provider.translate.finding import Report
from scvk.provider.translate.settings import INVALID, Settings
from scvk.saladcloud.models import document


def country_codes_of(settings: Settings, report: Report) -> tuple[str, ...] | None:
    """Return the countries in lower case, without repetitions; None where any country will do."""
    codes = tuple(dict.fromkeys(code.lower() for code in settings.items(COUNTRY_CODES)))
    for code in codes:
        if code not in known_country_codes():
            report.refuse(
                COUNTRY_CODES.path,
                INVALID,
                f"{code[:8]!r} is no country code that SaladCloud knows; write two letters by ISO 3166-1, such as us",
            )
    return codes or None


@cache
def known_country_codes() -> frozenset[str]:
    """Return the codes of the OpenAPI document, `CountryCode`."""
    return frozenset(document().schema("CountryCode")["enum"])
