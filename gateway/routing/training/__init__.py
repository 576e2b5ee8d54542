"""Training of the router's weights. Needs scikit-learn; never imported by the service."""
