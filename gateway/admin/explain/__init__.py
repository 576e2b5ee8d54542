"""The admin API's endpoint that shows what the privacy guard does with a text."""
