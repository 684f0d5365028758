"""What articles cost."""

CENTS = {"tea": 450, "cup": 900}


def agreed(price):
    """The price, if some article has it."""
    cents = int(price)
    if cents not in CENTS.values():
        raise ValueError("no article costs this")
    return cents


def of(article):
    """The price of an article."""
    return CENTS[article]
