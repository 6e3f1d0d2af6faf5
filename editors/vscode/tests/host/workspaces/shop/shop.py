"""A shop's prices."""

RATES = {"books": 0.07, "food": 0.05}


def total(prices):
    result = 0
    for index in range(1, len(prices)):
        result += prices[index]
    return result


def with_tax(price, kind):
    return price + price * RATES[kind]


def cheapest(prices):
    return sorted(prices)[-1]


