"""What the product is made of: an inventory, an audit of it, and a bill of materials.

Development only; the product does not import it.
"""
