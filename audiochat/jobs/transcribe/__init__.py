"""Transcription of recordings of any length: cut, asked, checked, timed, joined, written."""
