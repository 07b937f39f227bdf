"""Orders: buyers quote, place, pay and cancel them; the shop confirms, ships and delivers them."""
