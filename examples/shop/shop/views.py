"""What customers ask for."""

from flask import Flask, request

from shop import prices, till

app = Flask(__name__)


@app.post("/buy")
def buy():
    """Sells an article for the price in the form."""
    till.charge(request.form["card"], request.form["price"])
    return "sold"


@app.post("/sell")
def sell():
    """Sells an article for its price."""
    till.charge(request.form["card"], prices.of(request.form["article"]))
    return "sold"


@app.post("/offer")
def offer():
    """Sells for a price that was agreed upon."""
    till.charge(request.form["card"], prices.agreed(request.form["offer"]))
    return "sold"
