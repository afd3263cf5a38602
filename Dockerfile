# audiochat with everything in it. Models are fetched on first use, into /cache: keep it in a volume.
#   docker build -t audiochat .
#   docker run --rm -e OPENAI_API_KEY -v "$PWD:/work" audiochat speak "Hello" -o hello.mp3
FROM python:3.13-slim
RUN apt-get update && apt-get install --yes --no-install-recommends libportaudio2 libgomp1 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE /src/
COPY audiochat /src/audiochat
COPY docs/man /src/docs/man
RUN pip install --no-cache-dir "/src[local,books,web]" && rm -rf /src
ENV XDG_CACHE_HOME=/cache XDG_DATA_HOME=/data HOME=/tmp
RUN mkdir --mode=1777 /cache /data /work
VOLUME ["/cache", "/data"]
WORKDIR /work
USER 1000:1000
ENTRYPOINT ["audiochat"]
