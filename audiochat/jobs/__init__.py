"""Long work: cut into pieces, asked for once, checked, kept, joined.

A kind of job (`transcribe`, `narrate`) brings three things of its own: how its input is cut into pieces, what is done
with one piece, and how the results are joined. Everything between is `runner.run`: it asks for the pieces that are
missing, several at once, keeps each result before it counts as done, goes on where a piece fails, stops at limits,
and reports progress. This is a whole kind:

    @dataclass(frozen=True, slots=True)
    class Shout:                                    # a `Work`: frozen and picklable, a cluster may run it
        style: str

        @contextmanager
        def open(self, place: Workplace) -> Iterator[Callable[[str], Result]]:
            with Assistant(place.settings, progress=place.progress, policy=long_work(place.settings)) as assistant:
                def shout(text: str) -> Result:     # called from many threads; raises AudiochatError where it fails
                    reply = assistant.ask(text, system=self.style, cancelled=place.cancelled)
                    return Result({"words": reply.transcript}, blob=reply.audio.data[:], usage=reply.usage)
                yield shout

    work = Shout("Read this aloud, loudly.")
    pieces = [
        Piece(key_of("shout", work.style, settings.model, text), text, label=f"line {n}", tokens=spoken(text))
        for n, text in enumerate(lines, 1)          # any iterable: payloads are made when they are needed
    ]
    store = JobStore()
    with store.open("shout", name_for("poem", "/home/me/poem.txt"), title="poem.txt") as job:
        store.borrow(job, [piece.key for piece in pieces])   # what another job of this kind was answered already
        plan = Plan.of(pieces, job)                 # `--dry-run` prints it
        outcome = run(pieces, work, job, settings=settings, shown=Shown(progress, "Shouting"))
        for key in outcome.keys:                    # in the order of the input
            result = job.get(key)                   # None is a gap: outcome.failures[key] says why
        write_output(job, Path("poem.wav"), blocks)
    sys.exit(outcome.exit_code)                     # 0, 4 or 5

- **Key**: `key_of` hashes everything that the result depends on: content, settings, model, instructions. What has a
  result under its key, in this job or in another of the same kind, is never asked for again.
- **Result**: plain data (JSON), and bytes beside it where there are any. A result with a `flaw` is used, counts as a
  failure, and is asked for again by the next run.
- **Failure**: an `AudiochatError` fails its piece alone; one with exit code 3 (configuration, sign-in) ends the run,
  and so does a service that answers nothing any more.
- **Elsewhere**: `run(..., pool=...)` takes `cluster.Cluster`, which hands the pieces to any
  `concurrent.futures.Executor`. Work and payloads are pickled, credentials are not: workers have their own.
"""
