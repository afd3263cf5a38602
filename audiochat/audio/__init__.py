"""Sound: formats, conversion, and later devices."""

SAMPLE_RATE = 24_000
"""Samples a second of the service's own sound."""

PCM_BYTES_PER_SECOND = 2 * SAMPLE_RATE
"""pcm16: s16le, mono, 24,000 Hz."""
