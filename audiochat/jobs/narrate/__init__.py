"""Audiobooks: a book is read, spoken piece by piece, compared with what was spoken, and joined.

- `reading.read_book` makes a `Book` of a file: chapters of blocks of text, and a list of what was left out.
- `script.write_script` cuts it into pieces that a model reads, with the pause after each.
- `speaking.Speak` is the `Work` of `audiochat.jobs`: it asks for a piece, compares, asks again, keeps the best.
- `report.Report` tells how faithful the whole is, by chapter.
"""
