"""DeepSeek-V4's chat format: conversations to prompts, and answers back. No torch here."""
