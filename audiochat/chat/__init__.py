"""One audio chat completion, and conversations of many: what is sent, what comes back, and what is kept."""
