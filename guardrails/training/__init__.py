"""Training of the shipped classifiers. Needs scikit-learn and labelled data; never imported
by the running service."""
