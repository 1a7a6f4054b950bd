"""The Director and the Image repository: what they sign, when, and what sites tell them."""
