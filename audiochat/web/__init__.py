"""HTTP servers: the engine for any client (`serve`), the playground, and what both share.

`rules` says what a server answers to, `guard` enforces it, `keys` and `tokens` say who may use what, `bodies` reads
what is sent, `work` answers with what takes a while, `server` puts these together and runs.
"""
