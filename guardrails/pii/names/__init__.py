"""A small linear tagger for names in Latin script: English, German, French."""
