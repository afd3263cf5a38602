"""The embedded engine: speech recognition, a language model and speech synthesis, in this process."""
