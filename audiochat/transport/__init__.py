"""The way to the service: addresses, the HTTP client, retries, deadlines, and errors put into words."""
